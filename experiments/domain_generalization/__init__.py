"""Domain generalization: how well a language model tells text of domains it never saw."""
