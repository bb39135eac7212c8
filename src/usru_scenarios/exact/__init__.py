"""Exact inference for models that are small enough; it shares nothing with the sampler but what a model means."""
