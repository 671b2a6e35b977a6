"""The script that a machine runs when it starts: a deadline of its own, the bucket."""

import shlex
from pathlib import Path

from tpu.actions import Command
from tpu.job import Job


def startup_script(job: Job, seconds: int, deletion: Command) -> str:
    """Bash: after so many seconds the machines delete themselves, client or not.

    Args:
      job: whose machines.
      seconds: counted from the first start.
      deletion: what deletes all of them.
    """
    values = {
        "SECONDS_LEFT": str(seconds),
        "DELETE": str(deletion),
        "BUCKET": job.bucket or "",
    }
    given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return f"#!/bin/bash\n{given}{Path(__file__).with_suffix('.sh').read_text()}"
