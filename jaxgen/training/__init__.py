"""Learners, what transforms them, and the loop that runs them."""
