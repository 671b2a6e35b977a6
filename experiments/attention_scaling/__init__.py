"""What the length of a text costs its encoder, and what sparse attention saves of it."""
