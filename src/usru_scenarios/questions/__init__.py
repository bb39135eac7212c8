"""One module for each question that a user asks of a model."""
