"""Attention: pure functions of queries, keys and values; patterns and scores as values."""
