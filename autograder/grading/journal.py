"""The log of a classroom: one line of JSON for each event, chained by hash, so that no line can be changed unnoticed.

Each line holds the hash of the one before and its own. Who can write the file can also write all of it anew, or cut off
its end: keep the last hash elsewhere, and `autograder verify --log` will tell whether the log still has it.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

LOG = "log.jsonl"

FIRST = "0" * 64
"""What the first line has for the hash of the one before."""

LONGEST = 2**16
"""Bytes of a line at most: what stands in an event is cut to fit."""


class Journal:
    """The log in one classroom's folder; several programs can write it at once."""

    def __init__(self, root: Path):
        self.path = root / LOG

    def write(self, event: str, **fields: Any) -> None:
        """Add an event; a line that an earlier run left half written is taken out first, and that is noted."""
        with self._locked() as file:
            torn, before = _end(file)
            line: dict[str, Any] = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "event": event}
            line |= {name: _short(value) for name, value in fields.items()}
            if torn:
                line["torn_bytes_removed"] = torn
            line["before"] = before
            line["hash"] = _hash(line)
            os.write(file.fileno(), (json.dumps(line, ensure_ascii=True) + "\n").encode())

    def read(self) -> Iterator[dict[str, Any]]:
        """The events that can be read, oldest first; none if there is no log."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                for text in file:
                    try:
                        line = json.loads(text)
                    except ValueError:
                        continue
                    if isinstance(line, dict):
                        yield line
        except FileNotFoundError:
            return

    def seconds(self, chapter: str) -> dict[str, float]:
        """How long the last grading of each student's submission of a chapter took."""
        return {
            str(line["student"]): float(line["seconds"])
            for line in self.read()
            if line.get("event") == "graded" and line.get("chapter") == chapter and line.get("seconds")
        }

    def problems(self) -> tuple[int, str, list[str]]:
        """How many lines there are, the last hash, and what is wrong with which line."""
        found: list[str] = []
        before, count = FIRST, 0
        with open(self.path, "rb") as file:
            for count, raw in enumerate(file, 1):
                try:
                    line = json.loads(raw)
                    claimed = line.pop("hash")
                    said = line["before"]
                    written = (json.dumps({**line, "hash": claimed}, ensure_ascii=True) + "\n").encode()
                except (ValueError, KeyError, TypeError, AttributeError):
                    found.append(f"line {count}: cut off, or no event")
                    continue
                # the bytes too: a key that stands twice, or blanks, would change what a reader sees
                if claimed != _hash(line) or raw != written:
                    found.append(f"line {count}: was changed")
                elif said != before:
                    found.append(
                        f"line {count}: does not follow the line before; lines were changed or taken out"
                    )
                before = claimed
        return count, before, found

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _end(file: IO[bytes]) -> tuple[int, str]:
    """Bytes of a half line at the end, which is taken out, and the hash of the last whole line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * LONGEST))
    tail = file.read(2 * LONGEST)
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        file.truncate(size - len(torn))
    last = whole.rpartition(b"\n")[2]
    try:
        return len(torn), str(json.loads(last)["hash"]) if newline else FIRST
    except (ValueError, KeyError, TypeError):
        return len(torn), hashlib.sha256(last).hexdigest()  # the check will name that line


def _hash(line: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(line, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


def _short(value: Any) -> Any:
    """A value that fits into a line: texts and lists are cut."""
    match value:
        case str():
            return value[:1000].encode("utf-8", "replace").decode()
        case list() | tuple():
            return [_short(one) for one in value[:30]]
        case bool() | int() | float() | None:
            return value
    return _short(str(value))
