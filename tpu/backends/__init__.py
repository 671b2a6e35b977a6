"""Five ways to get machines, each with the same verbs."""
