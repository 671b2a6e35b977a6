"""Windows of files: each once an epoch, the same for any number of processes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import chisquare

from jaxgen.data.batches import Batches
from jaxgen.data.shuffled_places import shuffled_places
from jaxgen.data.streamed import Streamed, shares_of_batch
from jaxgen.data.token_files import mapped_bytes
from jaxgen.sharding.gathered import Gathered
from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.training.compile import compile
from jaxgen.training.descent import descent
from jaxgen.training.loop import fit

LENGTH = 4


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    """Ten windows in three texts, and seven in one; each starts with its number."""
    folder = tmp_path_factory.mktemp("texts")
    found = []
    for domain, sizes in enumerate([(18, 3, 25), (30,)]):
        texts, first = [], 100 * domain
        for size in sizes:
            path = folder / f"{first}.txt"
            numbers = first + np.arange(size) // LENGTH
            path.write_bytes(numbers.astype(np.uint8).tobytes())
            texts.append(mapped_bytes(path))
            first += size // LENGTH
        found.append(texts)
    return found


def streamed(domains, counts=(4, 2), seed=0, **how):
    return Streamed(domains, counts, LENGTH, seed, **how)


def some(batches, count):
    return [next(batches).tolist() for _ in range(count)]


def numbers(batches, count):
    """Of which window each row is; a row holds one alone."""
    rows = np.array(some(batches, count))
    assert (rows == rows[..., :1]).all()
    return rows[..., 0]


def test_each_window_is_read_once_an_epoch_of_its_domain(domains):
    found = numbers(streamed(domains), 35)
    assert found.shape == (35, 6)
    for domain, (windows, rows) in enumerate([(10, found[:, :4]), (7, found[:, 4:])]):
        epochs = rows.reshape(-1, windows)
        expected = np.tile(100 * domain + np.arange(windows)[None], (len(epochs), 1))
        np.testing.assert_array_equal(np.sort(epochs, axis=1), expected)
        assert len(set(map(tuple, epochs.tolist()))) == len(epochs)
    np.testing.assert_array_equal(streamed(domains).domain, [0, 0, 0, 0, 1, 1])


@pytest.mark.parametrize("processes", [1, 2, 3, 6])
def test_processes_together_read_the_batch_of_one(domains, processes):
    whole = some(streamed(domains), 8)
    parts = [
        streamed(domains, process=process, processes=processes)
        for process in range(processes)
    ]
    for batch in whole:
        assert [row for part in parts for row in next(part).tolist()] == batch
    assert [d for part in parts for d in part.domain] == [0] * 4 + [1] * 2


def test_a_resumed_run_reads_what_an_unbroken_one_does(domains):
    unbroken = some(streamed(domains, seed=7), 20)
    resumed = streamed(domains, seed=7, process=1, processes=2)
    assert isinstance(resumed, Batches)
    for position in (13, 5, 0, 19):
        resumed.position = position
        assert some(resumed, 1) == [unbroken[position][3:]]
        assert resumed.position == position + 1
    assert some(streamed(domains, seed=8), 20) != unbroken


def test_a_run_of_the_loop_is_cut_and_resumed_to_the_same_bits(domains, tmp_path):
    def loss(weights, rows, key):
        return ((weights[None] - rows.astype(jnp.float32)) ** 2).mean(), {}

    def start(key, rows):
        return jnp.zeros(LENGTH)

    mesh = mesh_of({"data": 1}, jax.devices()[:1])
    batch, layout = next(streamed(domains)), batch_spec(mesh.axis_names)
    program = compile(descent(start, loss, optax.sgd(0.1)), batch, mesh, layout=layout)

    def trained(folder, updates):
        batches = Gathered(streamed(domains), program.data)
        key = jax.random.key(0)
        state = fit(program, key, batches, updates, tmp_path / folder, save_every=3)
        return np.asarray(state.params)

    trained("cut", 5)
    np.testing.assert_array_equal(trained("cut", 9), trained("unbroken", 9))
    rows = [np.array(each) for each in some(streamed(domains), 9)]
    expected = np.zeros(LENGTH)
    for each in rows:
        expected -= 0.1 * 2 / LENGTH * (expected[None] - each).mean(0)
    np.testing.assert_allclose(trained("cut", 9), expected, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1000])
def test_places_are_shuffled_one_to_one(count):
    places = np.arange(count)
    found = shuffled_places(places, count, seed=5)
    np.testing.assert_array_equal(np.sort(found), places)
    backwards = shuffled_places(places[::-1], count, seed=5)[::-1]
    np.testing.assert_array_equal(backwards, found)


def test_every_place_comes_first_equally_often_and_pairs_are_free_of_order():
    first, second = np.stack(
        [shuffled_places(np.arange(2), 11, (0, seed)) for seed in range(4000)]
    ).T
    assert chisquare(np.bincount(first, minlength=11)).pvalue > 1e-4
    steps = np.bincount((second - first) % 11, minlength=11)
    assert steps[0] == 0 and chisquare(steps[1:]).pvalue > 1e-4


def test_there_can_be_more_places_than_memory_holds():
    count = 10**15
    found = shuffled_places(np.arange(100_000), count, seed=1)
    assert len(np.unique(found)) == 100_000 and found.max() < count
    assert chisquare(np.bincount(found * 10 // count, minlength=10)).pvalue > 1e-4
    with pytest.raises(ValueError, match="of 0 to 5: expected 0 to 4"):
        shuffled_places(np.arange(6), 5, seed=0)


@pytest.mark.parametrize(
    "size, weights, counts",
    [
        (8, (0.5, 0.25, 0.25), (4, 2, 2)),
        (7, (1 / 3, 2 / 3), (2, 5)),
        (4, (1.0, 0.0), (4, 0)),
    ],
)
def test_rows_of_a_batch_are_as_near_to_weights_as_can_be(size, weights, counts):
    assert shares_of_batch(size, np.array(weights)) == counts


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda d: shares_of_batch(8, np.array([0.5, 0.4])), "their sum is 0.9"),
        (lambda d: shares_of_batch(8, np.array([1.5, -0.5])), "none below 0"),
        (
            lambda d: shares_of_batch(2, np.array([0.9, 0.1])),
            "a domain would have no row",
        ),
        (lambda d: streamed([d[0], []]), "domain 1: 0 windows of 4 tokens"),
        (lambda d: streamed([d[0], [np.arange(3)]]), "domain 1: 0 windows of 4 tokens"),
        (lambda d: streamed(d, (4, 8)), "domain 1: 7 windows .* expected 8 or more"),
        (lambda d: streamed(d, (4,)), "of 2 domains and 1 counts"),
        (lambda d: streamed(d, (4, -1)), r"counts=\(4, -1\)"),
        (lambda d: streamed(d, processes=4), "processes=4. of 6 rows"),
        (lambda d: streamed(d, process=2, processes=2), "process=2, processes=2"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint, domains):
    with pytest.raises(ValueError, match=complaint):
        refused(domains)
