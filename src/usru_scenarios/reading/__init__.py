"""Reads a hand-edited file: YAML with the place of everything, overlays, the claim register, every fault at once."""
