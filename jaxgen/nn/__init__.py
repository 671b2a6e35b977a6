"""Small Linen blocks."""
