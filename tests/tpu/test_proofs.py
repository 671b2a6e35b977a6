"""Proofs that are kept, and whether today's compiler still says the same."""

import copy
import dataclasses
import importlib.metadata
import json
from typing import Any

import jax
import pytest

from installed import with_libtpu
from tpu.golden import GOLDEN, drift, every, folder, kept
from tpu.programs import EXPERIMENTS, programs_of
from tpu.prove import UNREAD, proof, text_of, versions
from tpu.prove_page import report
from tpu.proving import Prove, proved
from tpu.tables import markdown, table, troubles

CHEAPEST = {
    "thousand_seeds": "v5litepod-256",
    "domain_study": "v5litepod-256",
    "convolutional_vae": "v5litepod-16",
    "language_splash": "v5litepod-16",
}
"""One program of each experiment, on the target that is compiled soonest."""

EVERY = every()


def test_every_experiment_has_kept_proofs_that_fit_and_have_no_complaint():
    for experiment in EXPERIMENTS:
        names = programs_of(experiment)
        mine = [one for one in EVERY if one["program"] in names]
        assert mine
    assert all(one["fits"] and not one["complaints"] for one in EVERY)
    assert all(0 < one["needs"] <= one["limit"] for one in EVERY)


def test_a_table_has_a_line_for_each():
    lines = table(EVERY).splitlines()
    assert len(lines) == len(EVERY) + 1
    assert troubles(EVERY) == ""


def test_the_readme_has_the_table_of_what_was_kept():
    readme = (GOLDEN.parent / "README.md").read_text()
    assert markdown(EVERY) in readme


def test_a_page_has_a_picture_of_each():
    few = EVERY[:2]
    assert report(few).count("<svg") == len(few)


def test_the_work_of_a_kernel_is_that_of_its_live_blocks():
    """Twelve layers of 4 rows and 6 heads: forward twice, as remat makes it again.

    Of 4 x 4 blocks of 512 queries and keys ten are alive in a causal pattern. Forward are
    two products, in the kernel of queries' slopes three, in that of keys' and values' four.
    """
    mine = [one for one in EVERY if one["program"] == "language_splash"]
    assert mine
    product = 2 * 4 * 6 * 10 * 512**2 * 128
    for one in mine:
        assert one["parts"]["update"]["pallas_calls"] == 12 * 4
        assert one["parts"]["update"]["pallas_flops"] == 12 * product * (2 + 2 + 3 + 4)


class Unspelled:
    """As a compiled program whose text an older JAX refuses, for this reason."""

    def __init__(self, reason: str):
        self.reason = reason

    def as_text(self):
        raise jax.errors.JaxRuntimeError(self.reason)


def test_a_text_that_jax_refuses_is_read_as_it_was_dumped(tmp_path):
    refused: Any = Unspelled("INTERNAL: RET_CHECK failure")
    assert text_of(refused, tmp_path) == UNREAD
    (tmp_path / "module_1.jit_f.after_codegen.txt").write_text("HloModule f")
    assert text_of(refused, tmp_path) == "HloModule f"
    other: Any = Unspelled("UNAVAILABLE")
    with pytest.raises(jax.errors.JaxRuntimeError, match="UNAVAILABLE"):
        text_of(other, tmp_path)


def test_what_does_not_fit_is_told_with_a_change():
    one = copy.deepcopy(EVERY[0])
    change = "remat=True"
    told = {"needed": 2**35, "available": 2**34, "change": change, "allocations": []}
    one |= {"fits": False, "too_much": {"update": told}, "needs": 0}
    assert "32.00 GiB of 16.00: remat=True" in troubles([one])
    assert "no" in table([one]).splitlines()[1]


def test_a_number_that_drifts_is_told_and_a_small_change_is_not():
    old = EVERY[0]
    new = copy.deepcopy(old)
    new["parts"]["update"]["peak"] *= 1.04
    assert drift(new, old) == []
    new["parts"]["update"]["peak"] *= 1.04
    (line,) = drift(new, old)
    assert line.startswith("update peak: ")
    other = old | {"versions": {"jax": "0"}}
    with pytest.raises(ValueError, match="the same versions"):
        drift(other, old)


def test_a_collective_that_is_new_is_drift():
    new = copy.deepcopy(EVERY[0])
    one = {
        "kind": "all-to-all",
        "axes": ["data"],
        "link": "DCN",
        "count": 1,
        "bytes": 9,
    }
    new["parts"]["update"]["collectives"].append(one)
    assert [line.split(":")[0] for line in drift(new, EVERY[0])] == [
        "update all-to-all over data by DCN, bytes",
        "update all-to-all over data by DCN, times",
    ]


def test_kept_proofs_are_compared_with_new_ones(tmp_path, monkeypatch):
    """And what was proved is read again only of the same code."""
    old, made = EVERY[0] | {"versions": versions()}, []
    monkeypatch.setattr("tpu.golden.GOLDEN", tmp_path)
    file = folder(versions()) / f"{old['program']}-{old['target']}-update.json"
    file.parent.mkdir()
    file.write_text(json.dumps(old))

    def proof(name, *_):
        made.append(name)
        new = copy.deepcopy(old)
        new["parts"]["update"]["peak"] *= 1.1
        return new

    monkeypatch.setattr("tpu.prove.proof", proof)
    wanted = Prove(
        "all", old["target"], (old["program"],), ("update",), (), tmp_path / "out"
    )
    (found,) = proved(dataclasses.replace(wanted, kept=True))
    assert any(line.startswith("drift: update peak") for line in found["complaints"])
    assert json.loads(file.read_text()) == old
    for sources, count in (("a", 2), ("a", 2), ("b", 3)):
        monkeypatch.setattr("tpu.proving.sources", lambda given=sources: given)
        proved(wanted)
        assert len(made) == count


def require_the_same(name: str) -> None:
    """Fits, without a complaint; and as it was kept, where these versions kept it."""
    target = CHEAPEST[name]
    new = proof(name, programs_of("all")[name], target, parts=("update",))
    assert new["fits"] and new["complaints"] == []
    for old in kept(versions()):
        if (old["program"], old["target"]) == (name, target):
            assert drift(new, old) == []


@with_libtpu
def test_the_cheapest_program_is_as_it_was_proved():
    require_the_same("thousand_seeds")


@with_libtpu
@pytest.mark.slow
@pytest.mark.parametrize("name", list(CHEAPEST)[1:])
def test_a_program_of_every_experiment_is_as_it_was_proved(name):
    require_the_same(name)


@with_libtpu
def test_versions_are_those_that_are_installed():
    assert versions()["libtpu"] == importlib.metadata.version("libtpu")
    assert folder(versions()).parent == GOLDEN


@pytest.mark.parametrize(
    "given, told",
    [(("gan",), "experiment 'gan' is unknown"), (("all", ("vae",)), "program 'vae'")],
)
def test_what_there_is_not_is_told(given, told):
    with pytest.raises(ValueError, match=told):
        programs_of(*given)
