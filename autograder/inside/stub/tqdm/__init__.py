"""Stands where the progress bars of tqdm stand: learners like to have them, and while grading nobody looks.

They take what the real ones take and hand out what they are given, without a bar. The package itself is none of the
course's, so that a notebook which imports it would otherwise lose the cell that does.
"""

from collections.abc import Iterable, Iterator
from typing import Any


class tqdm:
    """An iterable as it is; as a context manager, and updated by hand, it only counts."""

    def __init__(self, iterable: Iterable[Any] | None = None, *_: Any, total: Any = None, **__: Any):
        self.iterable: Any = () if iterable is None else iterable
        self.total = total
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self.iterable:
            yield item
            self.n += 1

    def __len__(self) -> int:
        return len(self.iterable) if self.total is None else self.total

    def __enter__(self) -> "tqdm":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self.n += n

    def close(self, *_: Any, **__: Any) -> None:
        pass

    set_description = set_postfix = set_postfix_str = set_description_str = refresh = reset = close

    @staticmethod
    def write(text: str, *_: Any, **__: Any) -> None:
        print(text)


def trange(*args: int, **options: Any) -> tqdm:
    """`tqdm(range(…))`."""
    return tqdm(range(*args), **options)


tqdm_notebook, tnrange = tqdm, trange
