"""Sets are read by their names, in a process that never hears of TensorFlow."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from jaxgen.data.images import digits8

ROOT = Path(__file__).parents[2]

READ = """
import sys
from pathlib import Path
import numpy as np
from tests.data.tiny_digits.tiny_digits_dataset_builder import Builder
from tests.data.tiny_texts.tiny_texts_dataset_builder import Builder as Texts
from jaxgen.data.tfds import documents_from_tfds, labelled_from_tfds
folder = Path(sys.argv[1])
Builder(data_dir=folder, file_format="array_record").download_and_prepare()
data = labelled_from_tfds("tiny_digits", "train", folder)
np.savez(folder / "read.npz", **data._asdict())
try:
    labelled_from_tfds("tiny_digits", "nowhere", folder)
except ValueError as error:
    print(error)
Texts(data_dir=folder, file_format="array_record").download_and_prepare()
found = documents_from_tfds("tiny_texts", "train", folder, field="content")
print(sorted(found))
for name in ("text", "label"):
    try:
        next(documents_from_tfds("tiny_texts", "train", folder, field=name))
    except ValueError as error:
        print(error)
assert "tensorflow" not in sys.modules
"""

ABSENT = """
import sys
sys.modules["tensorflow_datasets"] = None
from jaxgen.data.tfds import labelled_from_tfds
try:
    labelled_from_tfds("mnist")
except ImportError as error:
    print(error)
"""


def told(program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_set_is_read_by_name_without_tensorflow(tmp_path):
    said = told(READ, str(tmp_path))
    assert "tiny_digits, split nowhere: " in said
    assert str(sorted([b"one", "zwölf\nlines".encode()])) in said
    for field in ("text", "label"):
        expected = f"hold content, label; expected a text in '{field}'"
        assert f"tiny_texts: its examples {expected}" in said
    read = np.load(tmp_path / "read.npz")
    order = np.lexsort(read["images"].reshape(20, -1).T)
    few = digits8()
    expected = np.lexsort(few.images[:20].reshape(20, -1).T)
    np.testing.assert_allclose(
        read["images"][order], few.images[:20][expected], atol=0.005
    )
    np.testing.assert_array_equal(read["labels"][order], few.labels[:20][expected])
    assert read["images"].dtype == np.float32 and read["labels"].dtype == np.int32


def test_without_the_package_its_extra_is_named():
    assert "pip install 'jaxgen[tfds]'" in told(ABSENT)
