"""Arrays in, scalars out."""
