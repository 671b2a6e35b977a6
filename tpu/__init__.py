"""From nothing to a finished run on Cloud TPU, and the proof without one."""
