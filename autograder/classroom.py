"""The classroom: where nbgrader keeps its folders and its gradebook, and how a chapter is released into it."""

import contextlib
import io
import logging
import os
import secrets
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config, PyFileConfigLoader

from course import EARLIER

from .authoring import source_notebook
from .chapters import ROOT, Chapter, earlier_kernels
from .checking import run_checks
from .inside.calling import Caller
from .instant import RECORD_SUFFIX
from .oracle import Recorder, Reference

# nbgrader runs `alembic` by name when it makes a gradebook; that stands beside the interpreter, if not on the path
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


ACTIVE = '<>&"\\'
"""What may not stand in a student's name: nbgrader's formgrader puts names into pages and scripts as they are."""


class ClassroomError(Exception):
    """Something about the classroom's folders or gradebook is not as it must be; the text says what to do."""


class Classroom:
    """The folders that nbgrader works in, as `nbgrader_config.py` names them."""

    def __init__(self, root: Path = ROOT / "classroom"):
        self.root = root

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
        names = [entry.name for entry in folder.iterdir() if os.path.lexists(entry / chapter.name)]
        return sorted(name for name in names if not self.odd_name(name))

    def odd_names(self) -> list[str]:
        """Folders among the submissions whose names nothing can be recorded under, spelled out, each with the reason."""
        names = sorted((entry.name for entry in (self.root / "submitted").iterdir()), key=ascii)
        return [f"{name!a} ({reason})" for name in names if (reason := self.odd_name(name))]

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
        if held := [letter for letter in ACTIVE if letter in name]:
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

    def config(self) -> Config:
        """nbgrader's configuration, from the file that plain `nbgrader` reads too, on this folder."""
        config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
        config.CourseDirectory.root = str(self.root)
        return config

    def release(self, chapter: Chapter) -> Path:
        """Write the source notebook and the record of right answers, and let nbgrader make the release from them."""
        folder = self.root / "source" / chapter.name
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(source_notebook(chapter), folder / f"{chapter.name}.ipynb")
        record_answers(chapter, folder / f"{chapter.name}{RECORD_SUFFIX}")
        pack_earlier_kernels(chapter, folder / EARLIER)
        with nbgrader_api(self) as (api, log):
            result = api.generate_assignment(chapter.name, force=True, create=True)
        if not result["success"]:
            raise ClassroomError(
                f"nbgrader could not release {chapter.name}:\n{result.get('error') or log.getvalue()}"
            )
        return self.release_path(chapter)


def record_answers(chapter: Chapter, path: Path) -> None:
    """Write the answers of the reference and of the known mistakes to the inputs that learners' checks draw."""
    reference = Reference(chapter)
    recorder = Recorder(reference)

    def noting(kernel: str):  # type: ignore[no-untyped-def]
        caller = Caller(getattr(reference.module, kernel))

        def call(args):  # type: ignore[no-untyped-def]
            recorder.note(kernel, args)
            return caller(args)

        return call

    run_checks(chapter.checks, recorder, {kernel: noting(kernel) for kernel in reference.points()})
    recorder.write(path)


def pack_earlier_kernels(chapter: Chapter, path: Path) -> None:
    """Pack the kernels of the chapters before into an archive that Python imports from; none for the first chapter.

    It holds solutions, though not as text that a glance would show: release a chapter when those before it are due.
    """
    modules = earlier_kernels(chapter)
    if not modules:
        path.unlink(missing_ok=True)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in {"solutions.__init__": "", **modules}.items():
            info = zipfile.ZipInfo(
                name.replace(".", "/") + ".py"
            )  # with a fixed date, so that releases are alike
            archive.writestr(info, source, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def nbgrader_api(classroom: Classroom) -> Iterator:
    """nbgrader's own interface on this classroom, with its log kept from the screen."""
    from nbgrader.apps import NbGraderAPI  # late: it loads nbconvert and SQLAlchemy

    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("traitlets")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield NbGraderAPI(config=classroom.config()), log
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
