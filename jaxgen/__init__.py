"""Functional generative modelling on JAX: import the floors, not this file."""
