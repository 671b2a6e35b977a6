"""A cloud that is not there: machines that are waited for, had, and taken away.

It understands the commands of the planners and refuses every flag that the real ones do
not have. Its clock is moved by those who sleep, so that a day takes no time.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tpu.actions import Action, Command, Pack, Write
from tpu.backends.backend import Answer
from tpu.executor import World

FLAGS = {
    tuple(command.split()): frozenset(flags.split())
    for command, flags in (
        line.split(": ")
        for line in Path(__file__)
        .with_name("gcloud_flags.txt")
        .read_text()
        .splitlines()
        if not line.startswith("#")
    )
}

OK = Answer(0, "")


@dataclass
class Attempt:
    """What happens to the machines that are asked for once.

    Attributes:
      waits: seconds until they are there.
      ends: seconds after which they are taken away; never, unless told.
      notice: whether the program is told before, and saves.
      becomes: their state then.
      nodes: seconds more until a pool has nodes.
    """

    waits: float = 60.0
    ends: float = float("inf")
    notice: bool = False
    becomes: str = "SUSPENDED"
    nodes: float = 0.0


@dataclass
class Program:
    """What runs: so many seconds of work, saved now and then outside the machines.

    Attributes:
      work: seconds that it takes.
      every: seconds from one save to the next.
      saved: seconds that are done and saved.
      faults: seconds of work at which it ends with 1.
      deaths: seconds of work at which a process dies, each once.
    """

    work: float = 1000.0
    every: float = 100.0
    saved: float = 0.0
    faults: float = float("inf")
    deaths: list[float] = field(default_factory=list)


@dataclass
class Machines:
    """A request and its machines."""

    name: str
    asked: float
    fate: Attempt
    deadline: float
    synced: bool = False
    begun: float | None = None
    code: int | None = None
    state: str = "WAITING_FOR_RESOURCES"
    labels: str = ""


class FakeCloud:
    """One project with a quota of requests.

    Args:
      program: what runs on the machines.
      fates: of the requests, in order; the last is that of all others.
      quota: requests at a time, dead ones included.
      hosts: machines that answer for a request.
    """

    def __init__(
        self,
        program: Program | None = None,
        fates: Sequence[Attempt] = (Attempt(),),
        quota: int = 1,
        hosts: int = 1,
    ):
        self.program, self.fates = program or Program(), list(fates)
        self.quota, self.hosts = quota, hosts
        self.now, self.paid = 1_000_000.0, 0.0
        self.there: dict[str, Machines] = {}
        self.parts: list[str] = []
        self.files: dict[str, str] = {}
        self.commands: list[tuple[str, ...]] = []
        self.silent: list[tuple[float, float]] = []
        self.lines: list[str] = []

    def world(self) -> World:
        return World(self.act, lambda: self.now, self.sleep, self.lines.append)

    def act(self, action: Action) -> Answer:
        """Carries out an action; every command takes a second."""
        if isinstance(action, Write):
            self.files[str(action.path)] = action.text
            return OK
        if isinstance(action, Pack):
            return Answer(0, "  1 files are sent\n")
        self.commands.append(action.argv)
        self.sleep(1.0)
        if any(start <= self.now < end for start, end in self.silent):
            return Answer(255, "", "connection timed out")
        return self.answered(action)

    def answered(self, command: Command) -> Answer:
        argv = command.argv
        if argv[0] != "gcloud":
            return OTHERS[argv[0]](self, argv)
        for words, flags in FLAGS.items():
            if argv[: len(words)] == words:
                given = options(argv[len(words) :])
                unknown = given.keys() - flags - {""}
                if unknown:
                    return Answer(2, "", f"unrecognized arguments: {unknown}")
                return GCLOUD[words[1:]](self, given)
        return Answer(2, "", f"invalid choice: {argv}")

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            step = min(1.0, end - self.now)
            self.now += step
            for one in list(self.there.values()):
                self.advance(one, step)

    def advance(self, one: Machines, step: float) -> None:
        """What becomes of machines in a second."""
        age = self.now - one.asked
        if one.state == "WAITING_FOR_RESOURCES" and age >= one.fate.waits / 2:
            one.state = "PROVISIONING"
        if one.state == "PROVISIONING" and age >= one.fate.waits:
            one.state = "ACTIVE"
        if one.state != "ACTIVE":
            return
        if age < one.fate.waits + one.fate.nodes:
            return
        self.paid += step
        had = age - one.fate.waits - one.fate.nodes
        if one.begun is not None and one.code is None:
            self.work(one, step)
        if had >= one.fate.ends:
            if one.fate.notice and one.code is None and one.begun is not None:
                self.program.saved, one.code = one.begun, 42
            one.state = one.fate.becomes
            if one.state == "FAILED" and one.fate.ends == 0:
                one.begun = None
        if had >= one.deadline:
            del self.there[one.name]

    def work(self, one: Machines, step: float) -> None:
        program = self.program
        one.begun += step
        if one.begun // program.every * program.every > program.saved:
            program.saved = one.begun // program.every * program.every
        if one.begun >= program.faults:
            one.code = 1
        elif program.deaths and one.begun >= program.deaths[0]:
            program.deaths.pop(0)
            one.code = 137
        elif one.begun >= program.work:
            program.saved, one.code = program.work, 0

    def create(self, name: str, seconds: int, labels: str = "") -> Answer:
        if name in self.there:
            return Answer(1, "", f"ALREADY_EXISTS: {name}")
        if len(self.there) >= self.quota:
            return Answer(1, "", "RESOURCE_EXHAUSTED: quota of requests")
        fate = self.fates.pop(0) if len(self.fates) > 1 else self.fates[0]
        self.there[name] = Machines(name, self.now, fate, float(seconds), labels=labels)
        return OK

    def delete(self, name: str) -> Answer:
        if self.there.pop(name, None) is None:
            return Answer(1, "", f"NOT_FOUND: {name}")
        return OK

    def told(self, name: str, tell: Callable[[Machines], str]) -> Answer:
        if name not in self.there:
            return Answer(1, "", f"NOT_FOUND: {name} was not found")
        return Answer(0, tell(self.there[name]) + "\n")

    def shell(self, machine: str, line: str) -> Answer:
        """A line of shell on a machine, or on all of a request."""
        one = self.there.get(machine.rpartition("-")[0]) or self.there.get(machine)
        if one is None or one.state != "ACTIVE":
            return Answer(255, "", f"{machine}: no route")
        words = shlex.split(line)
        if "unpack" in words:
            one.synced = True
            return OK
        verb = "code" if "ask" in words else words[2]
        if not one.synced:
            missing = Answer(127, "", "host.sh: no such file")
            return Answer(0, "code=none\n") if verb == "code" else missing
        if verb == "start":
            one.begun, one.code = self.program.saved, None
            return OK
        if verb == "code":
            code = "none" if one.begun is None else one.code
            line = f"code={'running' if code is None else code}\n"
            return Answer(0, line * self.hosts)
        return OK


def options(words: Sequence[str]) -> dict[str, str]:
    """Flags by name, and the first other word under no name."""
    found = {"": next((word for word in words if not word.startswith("-")), "")}
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value
    return found


def seconds_of(cloud: FakeCloud, given: dict[str, str]) -> int:
    """The deadline that the startup script sets."""
    script = cloud.files[given["metadata-from-file"].removeprefix("startup-script=")]
    return int(re.search(r"^SECONDS_LEFT=(\d+)$", script, re.MULTILINE)[1])


def queued_create(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    return cloud.create(given[""], seconds_of(cloud, given), given["labels"])


def queued_list(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    """Those that a filter of a label and of states lets through."""
    label, states = re.fullmatch(
        r"tpu\.nodeSpec\.node\.labels\.(\S+) AND state\.state:\((.*)\)", given["filter"]
    ).groups()
    dead = [
        one.name
        for one in cloud.there.values()
        if label.replace(":", "=") in one.labels.split(",")
        and one.state in states.split()
    ]
    return Answer(0, "".join(f"{name}\n" for name in dead))


def tpu_ssh(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    return cloud.shell(given[""], given["command"])


def copied(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    return OK


def part_made(kind: str) -> Callable[[FakeCloud, dict[str, str]], Answer]:
    def made(cloud: FakeCloud, given: dict[str, str]) -> Answer:
        name = f"{kind} {given['']}"
        if name in cloud.parts:
            return Answer(1, "", f"{name} already exists")
        cloud.parts.append(name)
        if kind == "template":
            cloud.files["template"] = cloud.files[
                given["metadata-from-file"].removeprefix("startup-script=")
            ]
        return OK

    return made


def part_deleted(kind: str) -> Callable[[FakeCloud, dict[str, str]], Answer]:
    def deleted(cloud: FakeCloud, given: dict[str, str]) -> Answer:
        name = f"{kind} {given['']}"
        if cloud.there:
            return Answer(1, "", f"{name} is in use")
        if name not in cloud.parts:
            return Answer(1, "", f"{name} was not found")
        cloud.parts.remove(name)
        return OK

    return deleted


def group_create(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    if f"template {given['template']}" not in cloud.parts:
        return Answer(1, "", "no such template")
    seconds = seconds_of(cloud, {"metadata-from-file": "startup-script=template"})
    return cloud.create(given[""], seconds)


def group_state(one: Machines) -> str:
    if one.state in ("FAILED", "SUSPENDED"):
        return "True,0"
    return f"{one.state == 'ACTIVE'},1"


def group_members(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    return Answer(0, "".join(f"{given['']}-{host}\n" for host in "yx"[: cloud.hosts]))


POOL_STATES = {
    "WAITING_FOR_RESOURCES": "PROVISIONING",
    "PROVISIONING": "PROVISIONING",
    "ACTIVE": "RUNNING",
    "FAILED": "ERROR",
    "SUSPENDED": "ERROR",
}


def pool_create(cloud: FakeCloud, given: dict[str, str]) -> Answer:
    return cloud.create(given[""], int(given["max-run-duration"].removesuffix("s")))


def kubectl(cloud: FakeCloud, argv: tuple[str, ...]) -> Answer:
    words = [word for word in argv[1:] if not word.startswith("--")]
    (pool,) = cloud.there.values() or (None,)
    if pool is None or pool.state != "ACTIVE":
        return Answer(1, "", "no such cluster") if words[0] != "delete" else OK
    if words[0] == "apply":
        json.loads(cloud.files[words[-1]])
        pool.begun, pool.code = cloud.program.saved, None
    if words[:2] == ["get", "nodes"]:
        there = cloud.now - pool.asked >= pool.fate.waits + pool.fate.nodes
        return Answer(0, "node/x-1\n" if there else "")
    if words[0] == "get":
        words = {None: "", 0: "Completed"}
        ended = words.get(pool.code, "Failed")
        return Answer(0, f"x {ended}" if pool.begun is not None else "")
    return OK


def docker(cloud: FakeCloud, argv: tuple[str, ...]) -> Answer:
    return OK


OTHERS = {"kubectl": kubectl, "docker": docker, "rm": docker, "mkdir": docker}
OTHERS["tar"] = docker

QUEUE = ("compute", "tpus", "queued-resources")
GROUPS = ("compute", "instance-groups", "managed")
POOLS = ("container", "node-pools")

GCLOUD: dict[tuple[str, ...], Callable[[FakeCloud, dict[str, str]], Answer]] = {
    (*QUEUE, "create"): queued_create,
    (*QUEUE, "describe"): lambda cloud, given: cloud.told(
        given[""], lambda one: one.state
    ),
    (*QUEUE, "delete"): lambda cloud, given: cloud.delete(given[""]),
    (*QUEUE, "list"): queued_list,
    ("compute", "tpus", "tpu-vm", "ssh"): tpu_ssh,
    ("compute", "tpus", "tpu-vm", "scp"): copied,
    ("compute", "ssh"): tpu_ssh,
    ("compute", "scp"): copied,
    ("compute", "resource-policies", "create", "workload-policy"): part_made("policy"),
    ("compute", "resource-policies", "delete"): part_deleted("policy"),
    ("compute", "instance-templates", "create"): part_made("template"),
    ("compute", "instance-templates", "delete"): part_deleted("template"),
    (*GROUPS, "create"): group_create,
    (*GROUPS, "describe"): lambda cloud, given: cloud.told(given[""], group_state),
    (*GROUPS, "delete"): lambda cloud, given: cloud.delete(given[""]),
    (*GROUPS, "list-instances"): group_members,
    (*POOLS, "create"): pool_create,
    (*POOLS, "describe"): lambda cloud, given: cloud.told(
        given[""], lambda one: POOL_STATES[one.state]
    ),
    (*POOLS, "delete"): lambda cloud, given: cloud.delete(given[""]),
    ("container", "clusters", "get-credentials"): copied,
}
