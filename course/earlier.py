"""The kernels of the chapters before, from the archive that was released beside a notebook."""

import zipfile
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

EARLIER_SUFFIX = ".earlier.zip"
"""Ending of the archive; before it stands the chapter's name, so that several chapters can share a folder."""

PACKAGE = "solutions"


class EarlierKernels:
    """Finds the package `solutions` in the archives of the working folder, whatever a browser made of their names.

    It comes last on `sys.meta_path`: whoever has the project itself imports from there. It looks afresh at each import,
    so that an archive which comes later is found without a restart, and it takes all archives together, since each
    holds what its own chapter builds on.
    """

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module of that package is; None for all others.

        Raises
        ------
        ModuleNotFoundError
            If no archive has it; the text names the file that is missing.
        """
        package, _, module = name.partition(".")
        if package != PACKAGE or (path is not None and not any(".earlier" in place for place in path)):
            return None
        # a folder, where the browser has unpacked it
        archives = [place for place in _newest_first(Path.cwd().glob("*.earlier*")) if _is_whole(place)]
        inside = [str(place / PACKAGE) for place in archives]
        spec = PathFinder.find_spec(name, inside if module else [str(place) for place in archives], target)
        if spec is None:
            raise ModuleNotFoundError(_missing(name, archives), name=name)
        if not module:
            spec.submodule_search_locations = inside
        return spec


def _newest_first(places: Iterable[Path]) -> list[Path]:
    """Of several downloads the last counts; a link into nowhere is none."""
    known = [(place.stat().st_mtime, place.name, place) for place in places if place.exists()]
    return [place for *_, place in sorted(known, reverse=True)]


def _is_whole(place: Path) -> bool:
    return place.is_dir() or zipfile.is_zipfile(place)


def _missing(name: str, archives: list[Path]) -> str:
    chapters = sorted(
        {place.name.partition(".checks")[0].partition(" ")[0] for place in Path.cwd().glob("*.checks*")}
    )
    wanted = " or ".join(f"{chapter}{EARLIER_SUFFIX}" for chapter in chapters) or f"<chapter>{EARLIER_SUFFIX}"
    if archives:
        found = ", ".join(place.name for place in archives)
        return (
            f"{name} is not in {found}: put {wanted} beside your notebook; it is where you got the notebook"
        )
    broken = [place.name for place in sorted(Path.cwd().glob("*.earlier*"))]
    why = f"{', '.join(broken)} is damaged" if broken else f"there is no {wanted} in {Path.cwd()}"
    return (
        f"{why}. It holds the kernels of earlier chapters: get it from where you got the notebook, put it beside the "
        "notebook, and run this cell again"
    )
