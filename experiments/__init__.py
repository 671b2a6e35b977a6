"""One folder a claim; each file says its command, its time and what to expect."""
