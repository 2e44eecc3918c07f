"""The order of the course, as `_toc.yml` states it, and where the files of a chapter stand."""

import importlib
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
"""The folder of `_toc.yml`. In a learner's kit, which has no chapters, nothing is read from here."""

CHECKS = Path(__file__).parent / "checks"

ANSWER_STUB = "*Write your answer here, in place of this sentence.*"
"""What stands in a notebook where a question is answered in words."""


class UnknownChapter(ValueError):
    """No chapter of that name; the text lists those that there are."""


class BrokenFile(ValueError):
    """A file of a chapter cannot be imported; the text says the file, the line and why."""


def place_and_error(error: BaseException, within: str = "") -> str:
    """File and line of what failed, of the last file there whose name begins with `within`, and what that was."""
    if isinstance(error, SyntaxError):
        return f"{Path(error.filename or '').name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame
        for frame in frames
        if "site-packages" not in frame.filename and Path(frame.filename).name.startswith(within)
    ]
    place = "".join(f"{Path(frame.filename).name}, line {frame.lineno}: " for frame in ours[-1:])
    return f"{place}{type(error).__name__}: {error}"


def imported(module: str) -> ModuleType:
    """Import a file of a chapter, such as `solutions.filters`.

    Raises
    ------
    BrokenFile
        If that fails.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        file = f"{module.replace('.', '/')}.py"
        raise BrokenFile(f"{file} cannot be imported: {place_and_error(error)}") from error


@dataclass(frozen=True)
class Chapter:
    """A chapter with exercises: its number, its name (also the assignment's), its page."""

    number: int
    name: str
    page: Path

    @property
    def checks(self) -> Path:
        return CHECKS / f"test_{self.name}.py"

    @property
    def mistakes(self) -> Path:
        return CHECKS.parent / "mistakes" / f"{self.name}.py"

    @property
    def title(self) -> str:
        found = re.search(r"^# (.+)$", self.page.read_text(encoding="utf-8"), re.MULTILINE)
        return found[1] if found else self.name


def chapters(root: Path = ROOT) -> list[Chapter]:
    """All chapters with exercises, in the order of `_toc.yml`: pages named NN-name that have a solutions module."""
    import yaml  # late: a learner's kit has neither YAML nor this file

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc.get("parts", [toc]) for entry in part.get("chapters", [])]
    found = []
    for entry in entries:
        match = re.fullmatch(r"(\d+)-([a-z_]+)", Path(entry["file"]).name)
        if match and (root / "solutions" / f"{match[2]}.py").exists():
            found.append(Chapter(int(match[1]), match[2], root / f"{entry['file']}.md"))
    return found


def chapter(name: str) -> Chapter:
    """The chapter of that name or number ("filters", "2", "02-filters").

    Raises
    ------
    UnknownChapter
        If there is none.
    """
    known = chapters()
    for one in known:
        if name in (one.name, str(one.number), one.page.stem):
            return one
    raise UnknownChapter(f'no chapter "{name}"; there are: {", ".join(one.name for one in known)}')


def earlier_kernels(one: Chapter) -> dict[str, str]:
    """Source of the reference kernels of all chapters before this one, by the name of their module.

    Later chapters build on the reference, so that a mistake in one chapter does not sink the next. A module of
    `solutions` that is no chapter's goes to the chapters whose pages import it.
    """
    known = chapters()
    names = [other.name for other in known if other.number < one.number]
    imported = re.findall(
        r"^from solutions\.(\w+) import", one.page.read_text(encoding="utf-8"), re.MULTILINE
    )
    names += sorted(set(imported) - {other.name for other in known})
    return {
        f"solutions.{name}": (ROOT / "solutions" / f"{name}.py").read_text(encoding="utf-8") for name in names
    }


_TIME = re.compile(
    r"\*\*Time\.\*\*\s+Main\s+path\s+about\s+(\d+)\s+minutes,\s+exercises\s+about\s+(\d+)[^,]*,\s+going\s+further\s+about\s+(\d+)"
)


def minutes_told(page: str) -> tuple[int, int, int] | None:
    """Minutes that a page's text states: for its main path, its exercises and what goes further; None if it states none."""
    found = _TIME.search(page)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


_CHECK_CELL = re.compile(
    r"^```\{code-cell\}[^\n]*\n:tags: \[check\]\n:points: (?P<points>[\d.]+)\n(?:(?!```).*\n)*?check\((?P<kernel>\w+)\)",
    re.MULTILINE,
)


def check_points(one: Chapter) -> dict[str, float]:
    """Points of each kernel as the chapter's page states them, in the order of the page."""
    text = one.page.read_text(encoding="utf-8")
    return {match["kernel"]: float(match["points"]) for match in _CHECK_CELL.finditer(text)}


def released_points(release: "NotebookNode") -> dict[str, float]:
    """Points of each kernel as a released notebook states them: what learners were told, whatever the page says since."""
    fields = [cell.metadata.get("nbgrader", {}) for cell in release.cells if cell.cell_type == "code"]
    checks = {field["grade_id"]: float(field["points"]) for field in fields if field.get("grade")}
    return {
        name.removeprefix("check-"): points for name, points in checks.items() if name.startswith("check-")
    }
