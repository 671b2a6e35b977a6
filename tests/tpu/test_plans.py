"""What is planned is what is meant: quoting, limits, refusals, and nothing done unasked."""

import json
import shlex
import subprocess
from dataclasses import replace

import pytest
from fake_cloud import FLAGS, FakeCloud, Program, options
from hypothesis import given, settings
from hypothesis import strategies as st

from tpu import launching
from tpu.actions import Command, Write, printed
from tpu.backends.all import BACKENDS
from tpu.backends.backend import Answer
from tpu.chips import machines
from tpu.job import Job, require_possible
from tpu.pins import versions_note
from tpu.prices import EXAMPLE, hourly_price

PLACE = ("--project", "my-project", "--zone", "us-west4-a")
HOSTILE = ("a b", "it's", 'say "x"', "$(touch owned)", "`id`", "*", "--", "~", "é", "")
LINES = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")))


def job(**options) -> Job:
    given = {"project": "my-project", "zone": "us-west4-a"} | options
    return Job("ring", given.pop("command", ("-m", "x")), **given)


def commands(plan) -> list[Command]:
    return [step for step in plan if isinstance(step, Command)]


@given(st.lists(LINES, min_size=1))
@settings(deadline=None, max_examples=200)
def test_what_is_printed_is_what_is_done(words):
    command = Command(tuple(words))
    assert tuple(shlex.split(str(command))) == command.argv


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x1b", "\x7f"])
def test_control_characters_are_refused(sign):
    with pytest.raises(ValueError, match="expected one line of plain characters"):
        Command(("echo", f"a{sign}b"))
    with pytest.raises(ValueError, match="of command"):
        job(command=("-m", f"x{sign}"))


def test_hostile_words_reach_a_program_as_they_are(tmp_path):
    """Through the client's shell, ssh's, and the script on the machine."""
    wanted = job(command=("-c", *HOSTILE), backend="hosts", hosts=("me@first",))
    (run,) = commands(BACKENDS["hosts"].run(wanted, wanted.hosts, 2_000_000_000))
    copied = shlex.split(str(run))
    assert copied[:-2] == ["ssh", *copied[1:5]] and copied[-2] == "me@first"
    script = tmp_path / "jaxgen-ring" / "code" / "tpu" / "host.sh"
    script.parent.mkdir(parents=True)
    script.write_text('printf "%s\\n" "$@"')
    shown = subprocess.run(
        ["bash", "-c", copied[-1]], cwd=tmp_path, capture_output=True, text=True
    )
    told = shown.stdout.split("\n")[:-1]
    assert told[:3] == ["start", "jaxgen-ring", "2000000000"]
    assert tuple(told[told.index("--") + 1 :]) == ("-c", *HOSTILE)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "wrong, words",
    [
        (
            {"zone": "us-west4-a; reboot"},
            "zone='us-west4-a; reboot': expected the form",
        ),
        ({"project": "$(id)-project"}, "project="),
        ({"labels": ("a=b,c=d",)}, "labels="),
        ({"labels": ("Owner=me",)}, "labels="),
        ({"bucket": "gs://x y"}, "bucket="),
        ({"hosts": ("-oProxyCommand=id",)}, "hosts="),
        ({"image": "--privileged"}, "image="),
        ({"cluster": "a/b/c"}, "cluster="),
        ({"max_hours": 0.0}, "max_hours=0.0: expected a positive limit"),
        ({"max_hours": float("inf")}, "max_hours=inf"),
        ({"max_usd": -1.0}, "max_usd=-1.0"),
        ({"processes": 0}, "processes=0: expected 1 or more"),
        ({"port": 0}, "port=0: expected 1 or more"),
        ({"preemptions": -1}, "preemptions=-1: expected 0 or more"),
        ({"patience": 0.0}, "patience=0: expected 10 s or more"),
        ({"heartbeat": -5}, "heartbeat=-5: expected 10 s or more"),
    ],
)
def test_forms_are_refused_with_their_field(wrong, words):
    with pytest.raises(ValueError) as error:
        job(**wrong)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["", "Ring", "../ring", "a b", "-a", "a-", "a" * 41])
def test_names_that_clouds_refuse_are_refused_before(name):
    with pytest.raises(ValueError, match="name="):
        Job(name, ("-m", "x"))


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"project": None}, "project is missing.*gcloud config get project"),
        ({"zone": None}, "zone is missing.*--zone us-west4-a"),
        ({"backend": "gke"}, "cluster is missing"),
        ({"backend": "gke", "cluster": "c"}, "image is missing"),
        ({"backend": "hosts"}, "hosts is missing"),
        ({"backend": "group", "capacity": "reserved"}, "reservation is missing"),
        ({"on": "v5e-8"}, "on='v5e-8': did you mean v5litepod-8"),
        ({"on": "v5litepod-7"}, "on='v5litepod-7': did you mean v5litepod-8"),
        ({"on": "0xv6e-8"}, "unknown"),
        ({"max_usd": 5.0}, "prices is no file.*spot ="),
        ({"on": "v5litepod-16"}, "bucket is missing"),
        ({"backend": "group", "on": "v6e-16"}, "bucket is missing"),
        ({"max_hours": 0.01}, "expected a minute at least"),
        ({"command": ()}, "nothing to run"),
    ],
)
def test_what_is_missing_is_told_with_its_cure(wrong, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        require_possible(job(**wrong))


@pytest.mark.parametrize(
    "backend, on",
    [("queued", "tpu7x-8"), ("group", "v5litepod-8"), ("group", "2xv6e-8")],
)
def test_a_door_that_does_not_sell_it_names_one_that_does(backend, on):
    wanted = job(backend=backend, on=on)
    with pytest.raises(ValueError, match=f"on='{on}'.*--backend"):
        BACKENDS[backend].up(wanted, 3600)


@pytest.mark.parametrize("capacity", ["spot", "on_demand", "reserved"])
@pytest.mark.parametrize(
    "backend, on",
    [("queued", "v5litepod-16"), ("queued", "2xv5p-16"), ("group", "tpu7x-16")],
)
def test_every_flag_is_one_that_the_commands_have(backend, on, capacity):
    wanted = job(
        backend=backend,
        on=on,
        capacity=capacity,
        reservation="mine",
        bucket="gs://my-bucket",
        labels=("team=a",),
    )
    chosen = BACKENDS[backend]
    machines = ("ring-0", "ring-1")
    plan = [
        *chosen.up(wanted, 3600),
        chosen.status(wanted),
        *chosen.sync(wanted, machines),
        *chosen.run(wanted, machines, 2_000_000_000),
        *chosen.codes(wanted, machines),
        *chosen.logs(wanted, machines, 10, True),
        *chosen.profile(wanted, machines),
        *chosen.down(wanted),
    ]
    for command in commands(plan):
        known = [
            flags
            for words, flags in FLAGS.items()
            if command.argv[: len(words)] == words
        ]
        assert options(command.argv).keys() - {""} <= max(known, key=len), command
    words = " ".join(printed(plan).split())
    assert "team=a,launcher=jaxgen,job=ring" in words
    assert ("--spot" in words or "=SPOT" in words) == (capacity == "spot")
    script = next(step.text for step in plan if isinstance(step, Write))
    assert "SECONDS_LEFT=3600" in script and "delete ring " in script


def test_prices_are_the_users(tmp_path):
    file = tmp_path / "prices.toml"
    file.write_text(EXAMPLE)
    one = machines("v5litepod-8")
    assert hourly_price(file, one, "on_demand") == pytest.approx(8 * 1.2)
    assert job(max_usd=9.6, prices=file, capacity="on_demand").seconds() == 3600
    with pytest.raises(ValueError, match=r"\[v6e\] spot is None"):
        hourly_price(file, machines("v6e-8"), "spot")
    file.write_text("[v5litepod]\nspot = true\n[v6e]\nspot = -1\n[v5p]\nspot = 'x'")
    for name in ("v5litepod-8", "v6e-8", "v5p-8"):
        with pytest.raises(ValueError, match="expected dollars a chip-hour"):
            hourly_price(file, machines(name), "spot")
    file.write_text("v5litepod = 1.2")
    with pytest.raises(ValueError, match=r"spot is None: expected dollars"):
        hourly_price(file, one, "spot")
    file.write_text("[v5litepod")
    with pytest.raises(ValueError, match="in a table of prices"):
        hourly_price(file, one, "spot")
    with pytest.raises(ValueError, match="No such file"):
        hourly_price(tmp_path / "none", one, "spot")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """In an empty folder, where every attempt to run a program fails the test."""
    monkeypatch.chdir(tmp_path)

    def never(*arguments, **options):
        raise AssertionError(f"ran {arguments}")

    monkeypatch.setattr(subprocess, "run", never)
    monkeypatch.setattr(subprocess, "call", never)
    monkeypatch.setattr(subprocess, "Popen", never)
    return tmp_path


NEW = (*PLACE, "--", "-m", "experiments.mode_collapse", "tiny")


def test_nothing_happens_without_yes(alone, capsys):
    for verb in (launching.launch, launching.up):
        assert verb(NEW) == 0
        assert "nothing was done: add --yes" in capsys.readouterr().out
    assert list(alone.iterdir()) == []
    launching.keep(job())
    for verb in ("sync", "run", "status", "logs", "profile", "down"):
        assert getattr(launching, verb)(["ring"]) == 0
        assert "nothing was done" in capsys.readouterr().out, verb
    assert launching.down(["--stale", *PLACE]) == 0
    assert "nothing was done" in capsys.readouterr().out


@pytest.mark.parametrize("backend", ["queued", "gke", "local"])
def test_patience_reaches_the_program_and_may_change_with_each_start(
    backend, alone, capsys
):
    gke = {"cluster": "c", "image": "registry/x:1"} if backend == "gke" else {}
    wanted = job(backend=backend, patience=77.0, heartbeat=33, on="v6e-8", **gke)
    launching.keep(wanted)
    for words, expected in (((), "77"), (("--patience", "88"), "88")):
        plan = BACKENDS[backend].run(
            replace(wanted, patience=float(expected)), ("0",), 2_000_000_000
        )
        assert launching.run(["ring", *words]) == 0
        told = capsys.readouterr().out
        text = " ".join(one.text for one in plan if isinstance(one, Write))
        assert f"--patience={expected}" in (text or told)
        assert "--heartbeat=33" in (text or told)
    assert launching.run(["ring", "--heartbeat", "0"]) == 2
    assert "heartbeat=0: expected 10 s or more" in capsys.readouterr().err


def test_a_plan_tells_the_version_that_will_run_and_those_that_were_proved(tmp_path):
    lock = tmp_path / "py3.12.txt"
    lock.write_text("jax==0.12.0 \\\n    --hash=x\njaxlib==0.11.0\n")
    (tmp_path / "jax-0.10.2-libtpu-0.0.52").mkdir()
    told = versions_note(lock, tmp_path)
    assert (
        "install jax 0.12.0 (py3.12.txt); the proofs that are kept are of 0.10.2"
        in told
    )
    (tmp_path / "jax-0.12.0-libtpu-0.0.52").mkdir()
    assert versions_note(lock, tmp_path).endswith(
        "0.12.0 (py3.12.txt), of which proofs are kept"
    )


def test_jobs_that_share_a_bucket_have_a_folder_each():
    wanted = job(bucket="gs://my-bucket")
    *_, install = BACKENDS["queued"].sync(wanted, ("ring",))
    assert shlex.split(install.argv[-1].partition("=")[2])[-2:] == [
        "/mnt/jaxgen",
        "runs/ring",
    ]
    gke = job(
        backend="gke", bucket="gs://my-bucket", cluster="c", image="x", on="v6e-8"
    )
    manifest, *_ = BACKENDS["gke"].run(gke, ("ring",), 2_000_000_000)
    assert "only-dir=runs/ring," in manifest.text


def test_a_launch_with_yes_lives_and_can_be_asked_about(alone, capsys):
    cloud = FakeCloud()
    world = cloud.world()
    assert launching.launch(["--yes", *NEW], world) == 0
    assert cloud.lines[-1] == "mode-collapse: done" and not cloud.there
    assert launching.up(["--yes", *NEW], world) == 0
    cloud.program.saved = 0.0
    cloud.sleep(100)
    for verb, after in (("sync", "active none"), ("run", "active running")):
        assert getattr(launching, verb)(["mode-collapse", "--yes"], world) == 0
        launching.status(["mode-collapse", "--yes"], world)
        assert capsys.readouterr().out == f"mode-collapse: {after}\n"
    assert launching.down(["mode-collapse", "--yes"], world) == 0
    assert not cloud.there


def test_dead_requests_are_found_and_deleted_and_others_are_not(alone):
    cloud = FakeCloud(quota=5)
    ours, theirs = "launcher=jaxgen,job=x", "launcher=other"
    for name, state, labels in (
        ("a", "FAILED", ours),
        ("b", "ACTIVE", ours),
        ("c", "SUSPENDED", ours),
        ("d", "FAILED", theirs),
    ):
        cloud.create(name, 3600, labels)
        cloud.there[name].state = state
    assert launching.down(["--stale", "--yes", *PLACE], cloud.world()) == 0
    assert list(cloud.there) == ["b", "d"]


def test_words_for_people(alone, capsys):
    assert launching.status(["nobody"]) == 2
    assert "no job 'nobody' in runs/jobs" in capsys.readouterr().err
    assert launching.down([]) == 2
    assert "name a job, or give --stale" in capsys.readouterr().err
    launching.keep(job())
    assert launching.logs(["ring", "--lines", "0"]) == 2
    assert "--lines 0: expected 1 or more" in capsys.readouterr().err
    assert launching.launch(["--", "-m", "x"]) == 2
    assert "project is missing" in capsys.readouterr().err
    cloud = FakeCloud(quota=0)
    assert launching.up(["--yes", *NEW], cloud.world()) == 2
    assert "RESOURCE_EXHAUSTED" in capsys.readouterr().err


def test_a_job_is_kept_whole(alone):
    wanted = job(hosts=("a@b",), prices=alone / "p.toml", labels=("a=b",))
    launching.keep(wanted)
    assert launching.kept("ring") == wanted
    file = alone / "runs" / "jobs" / "ring" / "job.json"
    assert json.loads(file.read_text())["name"] == "ring"


def test_a_name_of_another_job_that_may_have_machines_is_refused(alone, capsys):
    cloud = FakeCloud()
    world = cloud.world()
    assert launching.up(["--yes", *NEW], world) == 0
    other = (*PLACE, "--", "-m", "experiments.mode_collapse", "study")
    assert launching.launch(["--yes", *other], world) == 2
    told = capsys.readouterr().err
    assert "that of another job" in told and "give --name" in told
    assert launching.kept("mode-collapse").command[-1] == "tiny"
    # limits may change; and after the deletion the name is free
    assert launching.up(["--yes", "--max-hours", "9", *NEW], world) == 2
    assert "ALREADY_EXISTS" in capsys.readouterr().err
    assert launching.kept("mode-collapse").max_hours == 9
    assert launching.down(["mode-collapse", "--yes"], world) == 0
    assert launching.launch(["--yes", *other], world) == 0


def test_a_deletion_that_failed_is_told(alone, capsys):
    cloud = FakeCloud()
    assert launching.up(["--yes", *NEW], cloud.world()) == 0
    cloud.delete = lambda name: Answer(1, "", "PERMISSION_DENIED")
    assert launching.down(["mode-collapse", "--yes"], cloud.world()) == 1
    assert "still there" in capsys.readouterr().err
    assert any("PERMISSION_DENIED" in line for line in cloud.lines)


def test_another_client_is_told_what_was_spent(alone):
    cloud = FakeCloud(Program(work=1e9))

    def act(action):
        if isinstance(action, Write):
            action.path.parent.mkdir(parents=True, exist_ok=True)
            action.path.write_text(action.text)
        return cloud.act(action)

    def sleep(seconds):
        cloud.sleep(seconds)
        if cloud.now < 1_000_000 + 3000 < cloud.now + seconds:
            raise KeyboardInterrupt

    world = cloud.world()._replace(act=act)
    limited = ["--yes", "--max-hours", "1", *NEW]
    assert launching.launch(limited, world._replace(sleep=sleep)) == 1
    assert launching.launch(limited, world) == 1
    assert cloud.lines[-1] == "mode-collapse: the limit of 3600 s is reached"
    assert cloud.paid < 3700
