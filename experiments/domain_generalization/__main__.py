"""``python -m experiments.domain_generalization``."""

import sys

from experiments.domain_generalization.claim import main

sys.exit(main())
