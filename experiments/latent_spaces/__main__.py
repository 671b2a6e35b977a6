"""``python -m experiments.latent_spaces``."""

import sys

from experiments.latent_spaces.claim import main

sys.exit(main())
