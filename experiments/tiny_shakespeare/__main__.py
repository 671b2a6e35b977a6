"""``python -m experiments.tiny_shakespeare``."""

import sys

from experiments.tiny_shakespeare.protocol import main

sys.exit(main())
