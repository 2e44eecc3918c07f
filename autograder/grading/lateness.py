"""When a submission was handed in, and what the course's late policy takes off: as nbgrader reads both."""

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..reports.words import clean

if TYPE_CHECKING:
    from traitlets.config import Config

STAMP = "timestamp.txt"
"""File beside a submission that says when it was handed in; nbgrader's exchange and `zip_collect` write it."""

SECRET = "submission_secret.txt"
"""File beside a submission that only its learner and the course have; feedback is published under its hash."""

LARGEST = 4096


@dataclass(frozen=True)
class Stamp:
    """When a submission was handed in.

    text : what its file says, without blanks around it; None if there is no file
    time : that moment, in UTC and without a zone, as the gradebook keeps it; None if it cannot be read
    remark : what is odd about it; empty if nothing is
    """

    text: str | None = None
    time: datetime | None = None
    remark: str = ""


def read_beside(folder: Path, name: str) -> str | None:
    """Text of a small file in a learner's folder; None if it is no regular file of ours to read, or not text."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return file.read(LARGEST).decode("utf-8-sig")
    except (OSError, ValueError):
        return None


def read_stamp(folder: Path) -> Stamp:
    """When the submission in this folder was handed in, read as nbgrader reads it.

    nbgrader takes a zone that it does not know for UTC, and a number after a blank ("… +0100") for seconds, not for
    hours and minutes. Grades shall not hang on which of the two programs made them, so both are kept, and said.
    """
    from nbgrader.utils import gettz, parse_utc  # late: it loads tornado and setuptools

    text = read_beside(folder, STAMP)
    if text is None:
        if not os.path.lexists(folder / STAMP):
            return Stamp()
        return Stamp("", remark=f"{STAMP} cannot be read: it counts as handed in on time; a person decides")
    text = text.strip()
    shown = clean(text, 60)
    try:
        if not text:
            raise ValueError("empty")
        time = parse_utc(text)
    except (ValueError, OverflowError, TypeError):
        said = f'{STAMP} says "{shown}", which is no time' if text else f"{STAMP} is empty"
        return Stamp(text, remark=f"{said}: it counts as handed in on time; a person decides")
    parts = text.split(" ")
    zone = parts[2] if len(parts) == 3 else ""
    if zone.lstrip("+-").isdigit() and int(zone):
        odd = f'nbgrader takes "{clean(zone, 20)}" for so many seconds'
    elif zone and not zone.lstrip("+-").isdigit() and gettz(zone) is None:
        odd = f'the zone "{clean(zone, 20)}" is not known and counts as UTC'
    else:
        return Stamp(text, time)
    return Stamp(text, time, f'{STAMP} says "{shown}": {odd}, so it was read as {time:%Y-%m-%d %H:%M:%S} UTC')


class PolicyError(Exception):
    """The late policy that nbgrader_config.py names cannot be used; the text says why."""


class LatePolicy:
    """What nbgrader's late policy takes off: `AssignLatePenalties` with the plugin that the configuration names."""

    def __init__(self, config: "Config"):
        """Load the plugin.

        Raises
        ------
        PolicyError
            If there is none of that name.
        """
        from nbgrader.preprocessors import AssignLatePenalties

        try:
            self._assigner = AssignLatePenalties(config=config)
            self._assigner.init_plugin()
        except Exception as error:  # whatever a plugin's own module raises
            raise PolicyError(
                f"the late policy that nbgrader_config.py names cannot be loaded: {type(error).__name__}: {error}"[
                    :500
                ]
            ) from error

    def penalty(self, student: str, notebook: Any, seconds: float) -> float | None:
        """Points to take off a submitted notebook of the gradebook, handed in so many seconds late; None for none.

        Raises
        ------
        PolicyError
            If the plugin fails.
        """
        if seconds <= 0:
            return None
        try:
            found = self._assigner.plugin_inst.late_submission_penalty(student, notebook.score, seconds)
            return None if found is None else float(self._assigner._check_late_penalty(notebook, found))
        except Exception as error:  # a plugin is the course's own code
            raise PolicyError(
                f"the late policy failed on {student}: {type(error).__name__}: {error}"[:500]
            ) from error


def seconds_late(timestamp: datetime | None, due: datetime | None, extension: Any) -> float:
    """Seconds after the date that a submission was due, with the extension given to its learner; 0 if it has no date."""
    if timestamp is None or due is None:
        return 0.0
    return max(0.0, (timestamp - due - (extension or (due - due))).total_seconds())
