"""Why does a scenario come true, and what would have to be true for it?"""
