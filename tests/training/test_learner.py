"""States: keys of a step, and entries with one owner each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.keys import named
from jaxgen.training.learner import claim, fresh, key_for, own
from jaxgen.training.replicate import grid, replicate
from learners import POINTS, quadratic


def bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def at(state, step):
    return state._replace(step=jnp.int32(step))


def test_a_fresh_state_has_made_no_step(key):
    state = fresh(key, {"w": 1}, (), ema=2)
    assert int(state.step) == 0 and state.step.dtype == jnp.int32
    assert state.params == {"w": 1} and state.extra == {"ema": 2}


def test_keys_depend_on_seed_step_and_name_alone(key):
    state = fresh(key, {}, ())
    later = state._replace(params={"w": 1}, extra={"ema": 2})
    assert bits(key_for(state, "data")) == bits(key_for(later, "data"))
    states = [state, at(state, 1), state._replace(key=jax.random.key(1))]
    keys = {bits(key_for(one, name)) for one in states for name in ("data", "z")}
    assert len(keys) == 6


def test_keys_fold_in_the_step_and_then_the_name(key):
    expected = named(jax.random.fold_in(key, 7), "data")
    state = at(fresh(key, {}, ()), 7)
    assert bits(jax.jit(lambda s: key_for(s, "data"))(state)) == bits(expected)


def test_keys_of_many_replicates_are_refused(key):
    study = replicate(quadratic, grid(seed=range(3)))
    state = jax.eval_shape(study.init, key, POINTS)
    with pytest.raises(ValueError, match=r"'data'.* holds 3: apply it inside"):
        key_for(state, "data")


def test_owners_renew_their_entries_and_no_others(key):
    state = fresh(key, {}, (), ema=1, died=2)
    assert own(state, ema=3).extra == {"ema": 3, "died": 2}
    assert state.extra == {"ema": 1, "died": 2}


def test_an_entry_has_one_owner(key):
    state = claim(fresh(key, {}, ()), ema=1)
    assert claim(state, died=2).extra == {"ema": 1, "died": 2}
    with pytest.raises(ValueError, match=r"extra\['ema'\] is owned twice"):
        claim(state, died=2, ema=3)
