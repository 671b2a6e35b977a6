"""Bits per byte: those of lm-eval, which asks our model about texts in a file."""

import json
from functools import partial

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from jaxgen.metrics.bits_per_byte import bits_per_byte, rolling_windows, scored_nats
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.transformer_block import FeedForward, TransformerBlock
from jaxgen.objectives.language import cross_entropy
from language_models import attention, started

TEXTS = ("Nel mezzo del cammin di nostra vita", "é!", "1 ≤ 2 and so on " * 5)
FIRST, LONGEST = 256, 12
BLOCK = TransformerBlock(attention(), FeedForward(12))
MODEL = LanguageModel(TextEncoder(FIRST + 1, 8, (BLOCK,)))


@pytest.fixture(scope="module")
def logits():
    return jax.jit(partial(MODEL.apply, {"params": started(MODEL)}))


def ours(logits, stride):
    """All nats of all texts over all bytes."""

    def nats(inputs, targets):
        return cross_entropy(logits(inputs), targets)

    told = 0.0
    for text in TEXTS:
        tokens = np.frombuffer(text.encode(), np.uint8)
        windows = rolling_windows(tokens, FIRST, LONGEST, stride)
        told += np.asarray(scored_nats(nats, windows, 4), np.float64).sum()
    return bits_per_byte(told, "".join(TEXTS))


def harness_model(logits, stride):
    """Our model as lm-eval's, which cuts texts into windows by its own rules."""
    from lm_eval.api.model import LM
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    def log_likelihood(window):
        before, told = make_disjoint_window(window)
        inputs = [*before, *told[:-1]]
        row = np.zeros((1, LONGEST), np.int32)
        row[0, : len(inputs)] = inputs
        shares = log_softmax(np.asarray(logits(row), np.float64)[0], axis=-1)
        places = np.arange(len(inputs) - len(told), len(inputs))
        return shares[places, told].sum()

    class Asked(LM):
        def loglikelihood(self, requests):
            raise NotImplementedError

        generate_until = loglikelihood

        def loglikelihood_rolling(self, requests):
            cut = partial(
                get_rolling_token_windows,
                prefix_token=FIRST,
                max_seq_len=LONGEST,
                context_len=LONGEST - stride + 1,
            )
            texts = (list(request.args[0].encode()) for request in requests)
            return [sum(map(log_likelihood, cut(text))) for text in texts]

    return Asked()


def theirs(logits, stride, folder):
    """What lm-eval reports of a task of its own kind."""
    from lm_eval import simple_evaluate
    from lm_eval.api.task import ConfigurableTask

    lines = folder / "texts.jsonl"
    lines.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    told = {
        "task": "texts",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(lines)}},
        "test_split": "test",
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "bits_per_byte"}],
    }
    found = simple_evaluate(
        harness_model(logits, stride),
        tasks=[ConfigurableTask(config=told)],
        bootstrap_iters=0,
    )
    return found["results"]["texts"]["bits_per_byte,none"]


@pytest.mark.filterwarnings("ignore")  # its packages' own
@pytest.mark.parametrize("stride", [LONGEST, 5, 1])
def test_bits_are_those_of_lm_eval(logits, stride, tmp_path, monkeypatch):
    for name, value in {
        "HF_HOME": str(tmp_path),
        "HF_DATASETS_CACHE": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    found = theirs(logits, stride, tmp_path)
    assert found == pytest.approx(ours(logits, stride), abs=1e-6)
    print(f"stride {stride}: {found:.9f}, less {found - ours(logits, stride):.1e}")
