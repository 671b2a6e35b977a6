"""``python -m experiments.mode_collapse``."""

import sys

from experiments.mode_collapse.claim import main

sys.exit(main())
