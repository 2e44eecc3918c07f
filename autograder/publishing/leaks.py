"""Where lines of reference solutions stand that should stand nowhere else: exact, and quick on a whole built book."""

from collections.abc import Iterable, Iterator

import numpy as np

from .authoring import solution_lines

LONGEST_HARMLESS = 15
"""Characters of a solution's line that gives nothing away: a bare `return x` or `else:` would be found anywhere."""

KEY = 8
"""Bytes by which a line is looked for at first: as many as fit in one number."""

PIECE = 2**20
"""Bytes that are looked at in one go."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def secret_lines(source: str) -> list[str]:
    """The lines of a kernel's solution that would give something away."""
    return [line for line in solution_lines(source) if len(line) > LONGEST_HARMLESS]


def squeezed(text: str) -> str:
    """The text without white space, so that another indent or another break of lines hides nothing."""
    return "".join(text.split())


class Leaks:
    """Looks for many lines in a text at once.

    All eight bytes in a row are compared with the first eight of every line, as numbers: a table of their hashes leaves
    few places, and there the whole line is compared. Looking for one line after the other takes a hundred times as long.
    """

    def __init__(self, lines: Iterable[str]):
        self._lines: dict[bytes, list[tuple[bytes, str]]] = {}
        for line in dict.fromkeys(lines):
            needle = squeezed(line).encode()
            if len(needle) < KEY:
                raise ValueError(f"too short to be looked for: {len(needle)} characters")
            self._lines.setdefault(needle[:KEY], []).append((needle, line))
        self._known = np.zeros(2**16, dtype=bool)
        self._known[_hashes(np.frombuffer(b"".join(self._lines), dtype="<u8"))] = True

    def places(self, text: str) -> Iterator[tuple[int, str]]:
        """Each line that stands in a text that is `squeezed`: after how many bytes of UTF-8, and which line."""
        content = text.encode()
        for start in range(0, len(content) - KEY + 1, PIECE):
            count = min(PIECE, len(content) - KEY + 1 - start)
            windows = np.ndarray((count,), dtype="<u8", buffer=content, offset=start, strides=(1,))
            for at in np.flatnonzero(self._known[_hashes(windows)]) + start:
                for needle, line in self._lines.get(content[at : at + KEY], ()):
                    if content.startswith(needle, at):
                        yield int(at), line


def _hashes(keys: np.ndarray) -> np.ndarray:
    """A number below 2¹⁶ for each."""
    return np.asarray((keys * _SPREAD) >> np.uint64(48), dtype=np.intp)
