"""The life of a job, from nothing to nothing, on a cloud that takes machines away."""

import json

import pytest
from fake_cloud import Attempt, FakeCloud, Program

from tpu.actions import Pack
from tpu.backends.all import BACKENDS
from tpu.executor import supervise
from tpu.job import Job
from tpu.supervisor import Life, Seen, next_move

PLACE = {"project": "my-project", "zone": "us-west4-a"}
KINDS = {
    "queued": {"on": "v5litepod-8"},
    "group": {"on": "v6e-8"},
    "gke": {"on": "v6e-8", "cluster": "c", "image": "registry/x:1"},
}


def job(backend="queued", **options) -> Job:
    given = {"max_hours": 2.0} | PLACE | KINDS[backend] | options
    return Job("ring", ("-m", "x"), backend=backend, **given)


def lived(cloud: FakeCloud, wanted: Job) -> Life:
    """A life, after which nothing is left but what others left."""
    life = supervise(wanted, BACKENDS[wanted.backend], cloud.world())
    assert not any(name.startswith("ring") for name in cloud.there)
    assert not cloud.parts
    return life


def verbs(cloud: FakeCloud) -> list[str]:
    """What was done to requests, in order, without looks."""
    heads = ("queued-resources", "managed", "node-pools")
    found = [
        argv[argv.index(head) + 1]
        for argv in cloud.commands
        for head in heads
        if head in argv
    ]
    return [verb for verb in found if verb in ("create", "delete")]


@pytest.mark.parametrize("backend", KINDS)
def test_an_undisturbed_life(backend):
    cloud = FakeCloud()
    life = lived(cloud, job(backend))
    assert life.outcome == "done"
    assert (life.preemptions, life.failures) == (0, 0)
    assert verbs(cloud) == ["create", "delete"]
    assert 1000 <= cloud.paid < 1100


@pytest.mark.parametrize("backend", ["queued", "group"])
@pytest.mark.parametrize("notice", [True, False])
def test_machines_that_are_taken_away_are_asked_for_again(backend, notice):
    fates = [
        Attempt(ends=450, notice=notice),
        Attempt(ends=300, notice=notice),
        Attempt(),
    ]
    cloud = FakeCloud(fates=fates)
    life = lived(cloud, job(backend))
    assert life.outcome == "done"
    assert (life.preemptions, life.failures) == (2, 0)
    assert verbs(cloud) == ["create", "delete"] * 3
    assert cloud.program.saved == 1000


def test_a_request_that_vanishes_is_a_preemption():
    cloud = FakeCloud(fates=[Attempt(), Attempt()])
    cloud.fates[0].ends = 200
    cloud.fates[0].becomes = "GONE"
    advance = cloud.advance

    def vanishing(one, step):
        advance(one, step)
        if one.state == "GONE":
            del cloud.there[one.name]

    cloud.advance = vanishing
    life = lived(cloud, job())
    assert (life.outcome, life.preemptions) == ("done", 1)
    assert verbs(cloud) == ["create", "delete"] * 2


def test_a_process_that_dies_is_started_again_on_the_same_machines():
    cloud = FakeCloud(Program(deaths=[250, 610]))
    life = lived(cloud, job())
    assert (life.outcome, life.preemptions) == ("done", 2)
    assert verbs(cloud) == ["create", "delete"]


def test_a_fault_of_the_program_ends_it_at_once():
    cloud = FakeCloud(Program(faults=250))
    life = lived(cloud, job())
    assert life.outcome == "the program failed, exit codes 1"
    assert cloud.paid < 400


def test_a_budget_of_preemptions():
    cloud = FakeCloud(fates=[Attempt(ends=50)])
    life = lived(cloud, job(preemptions=4, max_hours=10))
    assert life.outcome == "5 preemptions"
    assert verbs(cloud).count("create") == 5


def test_a_budget_of_failures():
    cloud = FakeCloud(fates=[Attempt(ends=0, becomes="FAILED")])
    wanted = job(failures=2)
    life = supervise(wanted, BACKENDS["queued"], cloud.world())
    assert life.outcome.startswith("3 failures, the last: the request is failed")
    assert not cloud.there


def test_a_full_quota_is_a_failure_and_told():
    cloud = FakeCloud(quota=0)
    life = lived(cloud, job())
    assert life.failures == 4 and "RESOURCE_EXHAUSTED" in life.outcome
    assert cloud.now - 1_000_000 > 300  # it waits longer each time


def test_waiting_has_a_limit_of_its_own_and_costs_nothing():
    cloud = FakeCloud(fates=[Attempt(waits=float("inf"))])
    life = lived(cloud, job(max_wait_hours=3))
    assert life.outcome == "no machines in 3 hours"
    assert (cloud.paid, life.spent) == (0, 0)


def test_a_pool_without_nodes_is_waited_for_and_costs_nothing():
    cloud = FakeCloud(fates=[Attempt(nodes=6 * 3600)])
    life = lived(cloud, job("gke", max_hours=1))
    assert (life.outcome, life.preemptions, life.failures) == ("done", 0, 0)
    assert life.spent == pytest.approx(cloud.paid, abs=180) and cloud.paid < 1200
    cloud = FakeCloud(fates=[Attempt(nodes=6 * 3600)])
    life = lived(cloud, job("gke", max_hours=1, max_wait_hours=3))
    assert life.outcome == "no machines in 3 hours" and cloud.paid == 0
    assert life.spent < 180


def test_pods_outlive_what_they_may_wait():
    wanted = job("gke", max_wait_hours=2)
    manifest, *_ = BACKENDS["gke"].run(wanted, ("ring",), 1000)
    assert '"8200"' in manifest.text and '"1000"' not in manifest.text


@pytest.mark.parametrize("backend", KINDS)
def test_the_client_keeps_the_limit(backend):
    cloud = FakeCloud(Program(work=1e9), fates=[Attempt(ends=1000), Attempt()])
    if backend == "gke":
        cloud.fates = [Attempt()]
    life = lived(cloud, job(backend, max_hours=1))
    assert life.outcome == "the limit of 3600 s is reached"
    assert 3600 <= cloud.paid < 3700


def test_the_limit_of_money_is_kept(tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text("[v5litepod]\nspot = 1.5\n")
    cloud = FakeCloud(Program(work=1e9))
    life = lived(cloud, job(max_usd=6.0, prices=prices))
    assert life.outcome == "the limit of 1800 s is reached"
    assert cloud.paid * 8 * 1.5 / 3600 < 6.4


@pytest.mark.parametrize("backend", KINDS)
def test_machines_keep_the_limit_when_the_client_is_gone(backend):
    cloud = FakeCloud(Program(work=1e9))
    wanted = job(backend, max_hours=1)
    for action in BACKENDS[backend].up(wanted, wanted.seconds()):
        assert cloud.act(action).code == 0
    cloud.sleep(24 * 3600)
    assert not cloud.there
    assert cloud.paid == pytest.approx(3600, abs=2)


def test_another_client_goes_on_watching():
    cloud = FakeCloud()
    wanted, world = job(), cloud.world()

    class Interrupted(Exception):
        pass

    def sleep(seconds):
        cloud.sleep(seconds)
        if cloud.now > 1_000_600:
            raise Interrupted

    with pytest.raises(Interrupted):
        supervise(wanted, BACKENDS["queued"], world._replace(sleep=sleep))
    life = lived(cloud, wanted)
    assert life.outcome == "done"
    assert verbs(cloud) == ["create", "delete"]
    assert cloud.paid < 1100


@pytest.mark.parametrize("backend", KINDS)
def test_a_deletion_that_nobody_answers_is_no_deletion(backend):
    """As with a login that expires while the program runs, for half an hour."""
    cloud = FakeCloud()
    work = cloud.work

    def then_silent(one, step):
        work(one, step)
        if one.code == 0 and not cloud.silent:
            cloud.silent = [(cloud.now + 40, cloud.now + 1840)]

    cloud.work = then_silent
    life = lived(cloud, job(backend))
    assert life.outcome == "done" and life.deletions > 1


def test_a_deletion_that_is_never_answered_is_told():
    cloud = FakeCloud()
    cloud.silent = [(1_000_500, float("inf"))]
    life = supervise(job(), BACKENDS["queued"], cloud.world())
    assert life.outcome.endswith("MACHINES ARE LEFT")
    assert any("connection timed out" in line for line in cloud.lines)


def test_the_limit_counts_what_another_client_spent():
    cloud = FakeCloud(Program(work=1e9))
    wanted, world = job(max_hours=1), cloud.world()

    class Interrupted(Exception):
        pass

    def sleep(seconds):
        cloud.sleep(seconds)
        if cloud.now > 1_002_400:
            raise Interrupted

    with pytest.raises(Interrupted):
        supervise(wanted, BACKENDS["queued"], world._replace(sleep=sleep))
    life = Life(**json.loads(cloud.files["runs/jobs/ring/life.json"]))
    assert life.spent > 2000
    life = supervise(wanted, BACKENDS["queued"], world, life)
    assert life.outcome == "the limit of 3600 s is reached"
    assert verbs(cloud) == ["create", "delete"] and cloud.paid < 3700


def test_a_group_that_lacks_a_machine_is_not_judged():
    cloud = FakeCloud(hosts=2)
    life = supervise(job("group"), BACKENDS["group"], cloud.world())
    assert "of 1 machines have answered" in life.outcome


def test_what_was_asked_for_and_is_not_there_is_a_failure_and_no_hot_loop():
    cloud = FakeCloud()
    create = cloud.create
    cloud.create = lambda name, *rest: (create(name, *rest), cloud.there.clear())[0]
    life = lived(cloud, job())
    assert "that were asked for are not there" in life.outcome
    assert len(cloud.commands) < 40


def test_an_error_of_this_machine_does_not_end_the_watch():
    cloud = FakeCloud()
    world, full = cloud.world(), iter([OSError(28, "No space left on device")])

    def act(action):
        if isinstance(action, Pack):
            for error in full:
                raise error
        return cloud.act(action)

    life = supervise(job(), BACKENDS["queued"], world._replace(act=act))
    assert (life.outcome, life.failures) == ("done", 1)
    assert not cloud.there


def test_a_while_without_answers_is_endured():
    cloud = FakeCloud()
    cloud.silent = [(1_000_300, 1_000_420)]
    life = lived(cloud, job())
    assert (life.outcome, life.failures, life.preemptions) == ("done", 0, 0)
    assert verbs(cloud) == ["create", "delete"]


def test_machines_that_stay_silent_are_given_up():
    cloud = FakeCloud()
    answered = cloud.shell

    def dumb(machine, line):
        if 1_000_300 < cloud.now < 1_003_000:
            return answered("nobody", line)
        return answered(machine, line)

    cloud.shell = dumb
    life = lived(cloud, job())
    assert life.outcome == "done" and life.failures >= 1
    assert verbs(cloud).count("create") >= 2


def test_one_whose_peers_run_on_takes_them_with_it():
    life, move = Life(started=True, synced=True, active=True), ""
    wanted = job(on="v5litepod-16")
    life, move = next_move(wanted, life, Seen(0, "active", ("running", 137)))
    assert (life.preemptions, move) == (1, "look")
    life, move = next_move(wanted, life, Seen(30, "active", ("running", 137)))
    assert (life.preemptions, move) == (1, "run")


def test_deletion_is_tried_until_nothing_is_there_and_not_for_ever():
    life = Life(outcome="done", last="down")
    for moment in range(100):
        life, move = next_move(job(), life, Seen(moment, "active"))
        if move == "over":
            break
    assert life.outcome == "done; MACHINES ARE LEFT"
    assert moment == 20


def test_a_client_that_comes_to_delete_asks_until_it_is_answered():
    cloud = FakeCloud(Program(work=1e9))
    wanted = job()
    for action in BACKENDS["queued"].up(wanted, wanted.seconds()):
        cloud.act(action)
    cloud.silent = [(cloud.now, cloud.now + 600)]
    before = Life(outcome="done", paid=True, seen=cloud.now)
    life = supervise(wanted, BACKENDS["queued"], cloud.world(), before)
    assert life.outcome == "done" and "ring" not in cloud.there


def test_what_is_left_of_a_group_costs():
    wanted, life = job("group"), Life(started=True, synced=True, active=True)
    life, _ = next_move(wanted, life, Seen(0, "waiting"))
    life, _ = next_move(wanted, life, Seen(100, "waiting"))
    assert life.spent == 100
    life, _ = next_move(wanted, Life(), Seen(0, "waiting"))
    life, _ = next_move(wanted, life, Seen(100, "waiting"))
    assert life.spent == 0
