"""What some tests need, and are skipped without."""

import importlib.util

import pytest

with_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="the TPU compiler is not installed: pip install 'jaxgen[prove]'",
)

with_qwix = pytest.mark.skipif(
    importlib.util.find_spec("qwix") is None,
    reason="the LoRA to compare with is not installed: pip install qwix",
)
