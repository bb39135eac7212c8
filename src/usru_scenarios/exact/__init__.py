"""Exact inference for models that are small enough; it reads the program and imports nothing of the sampler."""
