"""Run from the command line, the checks prove the reference kernels; grading puts a learner's in their place."""

import pytest

from autograder.chapters import CHECKS
from autograder.checking.run import PUBLIC_SEED, TIMED, Plugin


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.has_plugin(Plugin.NAME):
        return
    from autograder.chapters import chapters
    from autograder.checking.oracle import Reference
    from autograder.checking.subject import Subject
    from autograder.inside.calling import Caller

    subjects = {}
    for chapter in chapters():
        oracle = Reference(chapter)
        for kernel in oracle.points():
            subjects[kernel] = Subject(kernel, Caller(getattr(oracle.module, kernel)), oracle)
    config.pluginmanager.register(ReferencePlugin(subjects, PUBLIC_SEED), Plugin.NAME)


class ReferencePlugin(Plugin):
    """The same fixtures for a whole test run, in which other tests stand beside the checks; nothing is timed."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.get_closest_marker(TIMED) is None]
        unknown = [item.name for item in items if item.path.parent == CHECKS and not self._kernel(item)]
        assert not unknown, f"checks of a kernel that no chapter has: {unknown}"
