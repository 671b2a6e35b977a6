"""Meshes, and the rules that lay arrays on them."""
