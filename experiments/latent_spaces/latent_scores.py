"""What the codes of one trained model say of themselves."""

PAIRS = 500
"""Of held-out images of different classes, between which codes are interpolated."""
