"""Measures this project and its peers on the same models, in one run: `python -m bench`."""
