"""The small model of Shakespeare whose loss nanoGPT tells, on a CPU."""
