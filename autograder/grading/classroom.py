"""The classroom: where nbgrader keeps its folders and its gradebook, and how a chapter is released into it."""

import contextlib
import hashlib
import io
import logging
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config, PyFileConfigLoader

from course.earlier import EARLIER_SUFFIX

from ..chapters import ROOT, Chapter, chapters, check_points, released_points
from ..checking.instant import RECORD_SUFFIX
from ..files import write_atomically
from ..publishing.authoring import source_notebook
from ..publishing.kit import pack_earlier_kernels, record_answers
from .journal import Journal

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import DatabaseError, DBAPIError

# nbgrader runs `alembic` by name when it makes a gradebook; that stands beside the interpreter, if not on the path
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

# what goes wrong in nbgrader comes as an exception too; its log would print a hundred lines on a screen
logging.getLogger("tornado.application").addHandler(logging.NullHandler())


ACTIVE = '<>&"\\'
"""What may not stand in a student's name: nbgrader's formgrader puts names into pages and scripts as they are."""

PATTERN = "*?[#%"
"""Nor may these: nbgrader looks for folders by patterns, and formgrader puts names into addresses as they are."""

LONGEST_NAME = 128
"""Characters of a name that nbgrader's gradebook has room for."""

DRIVERS = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""Packages that install a database's driver, where their name is not the driver's."""


class ClassroomError(Exception):
    """Something about the classroom's folders or gradebook is not as it must be; the text says what to do."""


class Classroom:
    """The folders that nbgrader works in, as `nbgrader_config.py` names them."""

    def __init__(self, root: Path = ROOT / "classroom"):
        self.root = root.absolute()  # nbgrader works in another folder

    def folder(self, step: str, student: str, chapter: Chapter) -> Path:
        """Folder of one student's assignment in one step: submitted, autograded or feedback."""
        return self.root / step / student / chapter.name

    def release_path(self, chapter: Chapter) -> Path:
        return self.root / "release" / chapter.name / f"{chapter.name}.ipynb"

    def released(self, chapter: Chapter) -> NotebookNode:
        """The released notebook of a chapter.

        Raises
        ------
        ClassroomError
            If it was not released.
        """
        path = self.release_path(chapter)
        if not path.is_file():
            raise ClassroomError(
                f"{chapter.name} was not released yet: run `autograder release {chapter.name}` first"
            )
        return nbformat.read(path, as_version=4)

    def released_chapters(self) -> list[Chapter]:
        """The chapters that were released here, in order.

        Raises
        ------
        ClassroomError
            If none was.
        """
        found = [one for one in chapters() if self.release_path(one).is_file()]
        if not found:
            raise ClassroomError(f"nothing was released to {self.root} yet: run `autograder release` first")
        return found

    def has_results(self, chapter: Chapter) -> bool:
        """Whether anything of a chapter was graded."""
        return any((self.root / "results" / chapter.name).glob("*.json"))

    def students(self, chapter: Chapter) -> list[str]:
        """Names of those who submitted, sorted.

        Raises
        ------
        ClassroomError
            If there is no folder of submissions.
        """
        folder = self.root / "submitted"
        if not folder.is_dir():
            raise ClassroomError(
                f"no folder {folder}: put each notebook at submitted/<student>/{chapter.name}/{chapter.name}.ipynb in it"
            )
        # in a folder that is closed to us nobody can see whether the chapter is there: its verdict will say so
        names = [
            entry.name
            for entry in os.scandir(folder)
            if os.path.lexists(Path(entry.path, chapter.name))
            or (os.path.isdir(entry.path) and not os.access(entry.path, os.X_OK))
        ]
        return sorted(name for name in names if not self.odd_name(name))

    def notices(self, wanted: list[Chapter]) -> list[str]:
        """What to know before these chapters are graded: files that nobody would find, pages that changed since release.

        Raises
        ------
        ClassroomError
            If a chapter was not released, or its release has an exercise that the course no longer has.
        """
        return [
            *_at_most(20, self._left_out(wanted)),
            *(note for one in wanted for note in self._changed(one)),
        ]

    def _left_out(self, wanted: list[Chapter]) -> Iterator[str]:
        submitted = self.root / "submitted"
        known = [one.name for one in chapters()]
        names = [one.name for one in wanted]
        for top in sorted(submitted.iterdir(), key=ascii) if submitted.is_dir() else ():
            unread: list[OSError] = []
            found = [top] if top.suffix == ".ipynb" and top.is_file() else list(_notebooks(top, unread))
            yield from (f"cannot be read, check its owner and mode: {error.filename!a}" for error in unread)
            reason = self.odd_name(top.name)
            if reason and top.is_dir() and (found or not top.name.startswith(".")):
                yield f"left out, rename the folder: {top.name!a} ({reason})"
                continue
            for path in found:
                place = _place(path.relative_to(submitted).parts, names, known, submitted)
                if place:
                    where = ascii(str(path.relative_to(self.root)))
                    yield f"found, but not where it is looked for: {where}; put it at submitted/{place}"

    def _changed(self, chapter: Chapter) -> Iterator[str]:
        page, released = check_points(chapter), released_points(self.released(chapter))
        again = (
            f"run `autograder release {chapter.name}` and hand the notebook out again; once some are graded, that takes a "
            "classroom of its own (--classroom), or the page as it was"
        )
        if gone := [kernel for kernel in released if kernel not in page]:
            raise ClassroomError(
                f"{chapter.name} was released with {', '.join(gone)}, which its page no longer has: {again}"
            )
        for kernel, points in page.items():
            if kernel not in released:
                yield f"{chapter.name}: {kernel} came to its page after the release and is not graded; to grade it, {again}"
            elif points != released[kernel]:
                yield (
                    f"{chapter.name}: its page gives {kernel} {points:g} points, the release {released[kernel]:g}, "
                    f"which count; to change that, {again}"
                )

    @staticmethod
    def odd_name(name: str) -> str:
        """Why nothing can be recorded under a name; empty if something can."""
        try:
            if len(name.encode()) > 200:
                return "longer than 200 bytes"
        except UnicodeEncodeError:
            return "not text in UTF-8"
        if not name.isprintable():
            return "holds what cannot be printed"
        if name.startswith("."):
            return "begins with a dot"
        if name != name.strip():
            return "begins or ends with a blank"
        if len(name) > LONGEST_NAME:
            return f"longer than {LONGEST_NAME} characters"
        if held := [letter for letter in ACTIVE + PATTERN if letter in name]:
            return f"holds {' '.join(held)}"
        return ""

    def secret(self) -> bytes:
        """Key from which the hidden inputs of all submissions are drawn; made once, readable by its owner only."""
        path = self.root / "secret"
        if not path.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor, made = tempfile.mkstemp(dir=self.root, prefix=".secret")
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                os.link(made, path)  # whole or not at all, and never over one that is there
            os.unlink(made)
        secret = path.read_bytes()
        if len(secret) < 32:
            raise ClassroomError(
                f"{path} is damaged: restore it from a backup, or delete it to draw new inputs for all"
            )
        return secret

    def fingerprint(self) -> str:
        """Of the secret, to tell one from another; nobody can work the secret out from it."""
        return _fingerprint(self.secret())

    def back_up_secret(self, to: Path) -> None:
        """Write the secret to another place, readable by its owner only."""
        if to.exists() or to.is_symlink():
            raise ClassroomError(f"{to} is there already; name a file that is not")
        if not (self.root / "secret").exists():
            raise ClassroomError(f"{self.root} has no secret yet: it gets one when it is first graded")
        write_atomically(to, self.secret(), mode=0o600)

    def replace_secret(self, new: bytes | None = None) -> Path | None:
        """Put another secret in place, a fresh one if none is given; returns where the one before is kept.

        Hidden inputs are drawn anew then: the next run grades every submission again.

        Raises
        ------
        ClassroomError
            If what is given is no secret.
        """
        if new is not None and len(new) < 32:
            raise ClassroomError("that is no secret: it has fewer than 32 bytes")
        path, old = self.root / "secret", None
        if path.exists():
            if new == path.read_bytes():
                return None
            old = self.root / f"secret.{_fingerprint(path.read_bytes())}"  # which may be damaged
            write_atomically(old, path.read_bytes(), mode=0o600)
            write_atomically(path, new or secrets.token_hex(32), mode=0o600)
        elif new is not None:
            write_atomically(path, new, mode=0o600)
        Journal(self.root).write(
            "secret replaced", fingerprint=self.fingerprint(), kept=None if old is None else old.name
        )
        return old

    def config(self) -> Config:
        """nbgrader's configuration, from the file that plain `nbgrader` reads too, on this folder."""
        config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
        there = Path(config.CourseDirectory.root)
        exchange = Path(config.Exchange.get("root", "/"))
        if exchange.is_relative_to(there):  # each classroom has its own, unless all share one elsewhere
            config.Exchange.root = str(self.root / exchange.relative_to(there))
        config.CourseDirectory.root = str(self.root)
        return config

    def make_exchange(self) -> None:
        """Make nbgrader's exchange, if it is to stand in the classroom: formgrader complains where there is none."""
        exchange = Path(self.config().Exchange.get("root", "/"))
        if exchange.is_relative_to(self.root) and not exchange.exists():
            exchange.mkdir(parents=True)
            exchange.chmod(0o777)  # as nbgrader makes it: learners hand in there

    def open_gradebook(self) -> "Gradebook":
        """nbgrader's gradebook, where its configuration says that it is.

        Raises
        ------
        ClassroomError
            If this is no database, or one for which a driver is missing.
        """
        from nbgrader.api import Gradebook  # late: it loads SQLAlchemy

        with self._opening():
            return Gradebook(self.db_url)

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

        try:
            yield
        except (ArgumentError, NoSuchModuleError):
            raise ClassroomError(
                f"db_url in nbgrader_config.py names no kind of database that there is: {self.shown_db_url}"
            ) from None
        except ImportError as error:  # the driver, or a library that it needs
            package = str(error.name or make_url(self.db_url).get_driver_name())
            raise ClassroomError(
                f"the gradebook {self.shown_db_url} needs a driver that is missing; install it with: "
                f"{sys.executable} -m pip install {DRIVERS.get(package, package)}"
            ) from None
        except DatabaseError as error:
            raise self.unusable(error) from None

    @contextlib.contextmanager
    def _alone_in_gradebook(self) -> Iterator[None]:
        """Take turns with whoever else releases into the same PostgreSQL: two who make the same rows both fail."""
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import SQLAlchemyError

        if not self.db_url.startswith("postgresql"):
            yield
            return
        with self._opening():
            engine = create_engine(self.db_url)
            connection = engine.connect()
        try:
            with self._opening():
                # a lock that ends with the connection, under a number that is the project's own
                connection.execute(text("SELECT pg_advisory_lock(2026, 12)"))
            yield
        finally:
            with contextlib.suppress(SQLAlchemyError):
                connection.close()
            engine.dispose()

    def unusable(self, error: "DatabaseError") -> ClassroomError:
        """An error of the gradebook, with what can be done."""
        return ClassroomError(
            f"the gradebook {self.shown_db_url} cannot be used ({self.said_by(error)}). "
            + (
                "If another version of nbgrader made it, run `nbgrader db upgrade` (it keeps a backup); if another program "
                "holds it, close that"
                if self.is_file
                else "See that the server runs and that address, user and password are right; if another version of "
                f"nbgrader made it, {self.upgrade}"
            )
        )

    @property
    def upgrade(self) -> str:
        """How a gradebook of another version is brought to this one."""
        if self.is_file:
            return "run `nbgrader db upgrade` here, which keeps a backup"
        return "make a backup with pg_dump or the like, then run `nbgrader db upgrade` here"

    def said_by(self, error: "DBAPIError") -> str:
        """What a database said, in one line and without the password."""
        from sqlalchemy.engine import make_url

        said = " ".join(str(error.orig).split())
        password = make_url(self.db_url).password
        return (said.replace(str(password), "***") if password else said)[:200]

    @property
    def db_url(self) -> str:
        return str(self.config().CourseDirectory.get("db_url", f"sqlite:///{self.root / 'gradebook.db'}"))

    @property
    def is_file(self) -> bool:
        """Whether the gradebook is a file, and no server's."""
        return self.db_url.startswith("sqlite:///")

    @property
    def shown_db_url(self) -> str:
        """Where the gradebook is, without passwords: those stand in its address, or in what follows the ?."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            return make_url(self.db_url).set(query={}).render_as_string(hide_password=True)
        except ArgumentError:
            return "…"

    def release(self, chapter: Chapter) -> Path:
        """Make the source notebook and the record of right answers, and let nbgrader make the release from them.

        All is made aside and put in place when it is whole: a release that fails leaves the one that stood.

        Raises
        ------
        ClassroomError
            If nbgrader cannot make it; the text says why.
        """
        with self._alone_in_gradebook():
            self._release(chapter)
        return self.release_path(chapter)

    def _release(self, chapter: Chapter) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.open_gradebook().close()
        notebook = source_notebook(chapter)
        self._refuse_other_cells(chapter, notebook)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".release-") as aside:
            source, release = (Path(aside) / step / chapter.name for step in ("source", "release"))
            source.parent.mkdir()
            with contextlib.suppress(FileNotFoundError):  # what an instructor added goes into the release too
                shutil.copytree(self.root / "source" / chapter.name, source)
            source.mkdir(exist_ok=True)
            nbformat.write(notebook, source / f"{chapter.name}.ipynb")
            record_answers(chapter, source / f"{chapter.name}{RECORD_SUFFIX}")
            pack_earlier_kernels(chapter, source / f"{chapter.name}{EARLIER_SUFFIX}")
            with nbgrader_api(self, Path(aside)) as (api, log):
                result = api.generate_assignment(chapter.name, force=True, create=True)
            if not result["success"]:
                said = f"{log.getvalue()}\n{result.get('error', '')}"
                if (
                    "KeyboardInterrupt" in said.splitlines()
                ):  # which nbgrader takes for an error like any other
                    raise KeyboardInterrupt
                raise ClassroomError(
                    f"nbgrader could not release {chapter.name}: {_cause(said)}; the release that stood before is as it was"
                )
            _swap(source, self.root / "source" / chapter.name)
            _swap(release, self.root / "release" / chapter.name)
        self.make_exchange()
        digest = hashlib.sha256(self.release_path(chapter).read_bytes()).hexdigest()
        Journal(self.root).write("released", chapter=chapter.name, sha256=digest)

    def _refuse_other_cells(self, chapter: Chapter, notebook: NotebookNode) -> None:
        """nbgrader keeps the cells of an assignment once it has submissions; say so before anything is done."""
        from nbgrader.api import Gradebook, MissingEntry
        from sqlalchemy.exc import SQLAlchemyError

        new = {cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata}
        try:
            with Gradebook(self.db_url) as gradebook:
                stored = gradebook.find_notebook(chapter.name, chapter.name)
                count, old = len(stored.submissions), {cell.name for cell in stored.source_cells}
        except (MissingEntry, SQLAlchemyError, ImportError):
            return  # not there yet, or out of order: the release itself says so
        if count and new != old:
            added, gone = (", ".join(sorted(names)) or "none" for names in (new - old, old - new))
            raise ClassroomError(
                f"{chapter.name} cannot be released with other cells (added: {added}; gone: {gone}), since the gradebook has "
                f"{count} graded submission{'s' if count > 1 else ''} of it. Undo that change of the page for this class, "
                "or release to a classroom of its own with --classroom; the release that stood before is as it was"
            )


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(b"fingerprint" + secret).hexdigest()[:16]


def _swap(new: Path, place: Path) -> None:
    """Put a folder in place of another; what stood there goes where the new one was."""
    place.parent.mkdir(parents=True, exist_ok=True)
    old = new.with_name(f"{new.name}.old")
    with contextlib.suppress(FileNotFoundError):
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise


def _cause(log: str) -> str:
    """The line of a log that says what went wrong: the last that ends a traceback, but for nbgrader's own summary."""
    lines = [line for line in log.splitlines() if re.match(r"[A-Za-z_][\w.]*: ", line)]
    causes = [line for line in lines if not re.match(r"[\w.]*NbGraderException: ", line)] or lines
    return (causes or log.strip().splitlines() or ["no reason was given"])[-1][:500]


def _at_most(count: int, lines: Iterator[str]) -> list[str]:
    listed = list(lines)
    more = len(listed) - count
    return listed if more <= 0 else [*listed[:count], f"and {more} more like these"]


def _notebooks(folder: Path, unread: list[OSError]) -> Iterator[Path]:
    """Notebooks in a folder and a few levels below it; links are not followed, what begins with a dot is not looked at."""
    for place, folders, files in os.walk(folder, onerror=unread.append):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < 4 else []
        yield from (Path(place) / name for name in sorted(files) if name.endswith(".ipynb"))


def _place(parts: tuple[str, ...], wanted: list[str], known: list[str], submitted: Path) -> str:
    """Where a notebook found at `parts` belongs; empty if it is there, or is another chapter's."""
    if len(parts) > 2 and parts[1] in known:
        expected = submitted / parts[0] / parts[1] / f"{parts[1]}.ipynb"
        if len(parts) == 3 or parts[1] not in wanted or os.path.lexists(expected):
            return ""
    names = [*parts[:-1], Path(parts[-1]).stem]
    guesses = [_guess(name, known) for name in names]
    chapter = next(filter(None, reversed(guesses)), "")
    if chapter and chapter not in wanted:
        return ""
    others = [name for name, guess in zip(names, guesses, strict=True) if not guess]
    student = others[0] if others and (chapter or len(names) > 1) else "<student>"
    chapter = chapter or (wanted[0] if len(wanted) == 1 else "<chapter>")
    return f"{student}/{chapter}/{chapter}.ipynb"


def _guess(name: str, known: list[str]) -> str:
    """The chapter that a folder or file is called after, whatever case, number or ending it has."""
    letters = re.sub("[^a-z]+", "_", name.casefold()).strip("_")
    return next((one for one in known if letters == one or letters.startswith(f"{one}_")), "")


@contextlib.contextmanager
def nbgrader_api(classroom: Classroom, folder: Path) -> Iterator:
    """nbgrader's own interface on the gradebook of a classroom and another folder, with its log kept from the screen."""
    from nbgrader.apps import NbGraderAPI  # late: it loads nbconvert and SQLAlchemy

    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("traitlets")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        config = classroom.config()
        config.CourseDirectory.root, config.CourseDirectory.db_url = str(folder), classroom.db_url
        yield NbGraderAPI(config=config), log
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
