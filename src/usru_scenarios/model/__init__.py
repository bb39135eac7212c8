"""A scenario file as values: what may stand where, the paths and sources of its judgements, and their distributions."""
