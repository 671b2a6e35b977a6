"""Mode collapse: a GAN that misses modes, while single samples still look fine."""
