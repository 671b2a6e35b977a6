"""What a generator is scored by: pure, jittable functions of arrays."""
