"""What a planner plans: commands, files to write, archives. As data; nothing happens."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A program and its arguments, that no shell interprets.

    Attributes:
      argv: the words.
      may_fail: whether the plan goes on where it fails: deleting what is not there.

    Raises:
      ValueError: a word holds a line break or another control character.

    Example:
      >>> print(Command(("echo", "it's $(here)")))
      echo 'it'"'"'s $(here)'
    """

    argv: tuple[str, ...]
    may_fail: bool = False

    def __post_init__(self):
        for word in self.argv:
            require_one_line(word, f"of {self.argv[0]!r}")

    def __str__(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True)
class Write:
    """A file, and what is to be in it."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"# writes {self.path} ({self.text.count(chr(10))} lines)"


@dataclass(frozen=True)
class Pack:
    """An archive of the files of a folder that may be sent away."""

    folder: Path
    archive: Path

    def __str__(self) -> str:
        return f"# packs {self.folder.absolute()} into {self.archive}, without secrets"


Action = Command | Write | Pack
Plan = tuple[Action, ...]


def require_one_line(word: str, whose: str) -> None:
    """Raises:
    ValueError: the word holds a line break or another control character.
    """
    bad = [sign for sign in word if ord(sign) < 32 or ord(sign) == 127]
    if bad:
        raise ValueError(
            f"argument {word!r} {whose} holds {bad[0]!r}: expected one line of plain "
            "characters; put longer texts into a file"
        )


def printed(plan: Plan) -> str:
    """A plan as lines that could be typed.

    Example:
      >>> print(printed((Command(("ls", "a b")), Write(Path("x"), "1\\n2\\n"))))
      ls 'a b'
      # writes x (2 lines)
    """
    return "\n".join(map(str, plan))
