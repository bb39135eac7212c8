"""The language of queries: from text to what the engines are asked, and from their answers to the statement."""
