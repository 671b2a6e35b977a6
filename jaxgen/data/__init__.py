"""Anything with a length and an index, and batches of it."""
