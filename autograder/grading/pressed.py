"""nbgrader's own Autograde, through the jail: what formgrader's button and `nbgrader autograde` do in this course.

nbgrader lets the steps of its Autograde be named, and `nbgrader_config.py` names the one here in place of all that would
run a learner's code. It grades the submitted file as `autograder grade` does, and hands nbgrader the notebook to write.
"""

from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from ..chapters import chapter
from .classroom import Classroom, ClassroomError


class Released(NbGraderPreprocessor):
    """Hands on the notebook that was released, whatever was submitted: formgrader shows what the next step is given.

    The steps that it stands for tidy the learner's notebook, which is then written where formgrader looks, scripts and
    all, and stays there should grading end early.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The released notebook; nothing of `nb` is kept."""
        return Classroom(Path.cwd()).released(chapter(resources["nbgrader"]["assignment"])), resources


class GradeInJail(NbGraderPreprocessor):
    """Grades the file that was submitted, whatever notebook it is given, and records the grade."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Grade in the jail; the notebook returned is the graded one.

        Raises
        ------
        ClassroomError, JailMissing
            Where `autograder grade` would refuse; nbgrader shows the text.
        """
        from ..jail.session import require_jail
        from ..jail.walls import require_out_of_sight
        from ..jail.warm import dismiss
        from ..results import FAULT
        from .batch import grade_class

        where = resources["nbgrader"]
        student, name = where["student"], where["assignment"]
        room = _Here(self._root(), where["db_url"])
        require_jail()
        dismiss()  # workers are asked for in another process
        require_out_of_sight(room.root)
        one = chapter(name)
        room.students(one)
        (result,), _ = grade_class(
            room,
            [one],
            student=student,
            processes=1,
            again=True,
            jailed=True,
            on_start=lambda *_: None,
            on_done=lambda result: None,
            on_wait=lambda: (
                None
            ),  # nbgrader has taken the notebook away already: wait for another run rather than fail
        )
        if result.verdict == FAULT:
            raise ClassroomError(f"{name}, {student}: {FAULT}: {result.reason}")
        graded = room.folder("autograded", student, one) / f"{name}.ipynb"
        return nbformat.read(graded, as_version=4), resources

    def _root(self) -> Path:
        """The classroom: nbgrader works in it while it converts."""
        return Path.cwd()


class _Here(Classroom):
    """The classroom that nbgrader was started on, with its gradebook."""

    def __init__(self, root: Path, db_url: str):
        super().__init__(root)
        self._db_url = db_url

    @property
    def db_url(self) -> str:
        return self._db_url
