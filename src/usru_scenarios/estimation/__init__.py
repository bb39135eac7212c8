"""Estimates with standard errors and bands, from arrays of sums: it knows no model and no sampler."""
