"""Benchmarks: what the engine costs, beside the machine's limit and another library."""
