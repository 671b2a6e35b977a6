"""``python -m experiments.attention_scaling``."""

import sys

from experiments.attention_scaling.claim import main

sys.exit(main())
