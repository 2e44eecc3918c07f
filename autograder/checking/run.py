"""Run the pytest checks of a chapter on kernels, wherever those run, and turn what happened into results."""

import ast
import contextlib
import hashlib
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from ..chapters import place_and_error
from ..inside.calling import Outcome
from ..results import (
    CRASHED,
    MEMORY_LIMIT,
    NOT_WRITTEN,
    OUTPUT_LIMIT,
    PASSED,
    RAISED,
    SIDE_EFFECTS,
    TIME_LIMIT,
    TOO_SLOW,
    UNSTABLE,
    WRONG,
    Check,
    Exercise,
    Failure,
)
from .diagnosis.explain import Cause, More, explain
from .diagnosis.naming import Naming
from .diagnosis.probes import redrawn, varied
from .oracle import Oracle
from .subject import Call, CheckFailure, Seen, Stopped, Subject

PUBLIC_SEED = "public"
"""Seed of the inputs that learners see; grading draws fresh ones."""


TIMED = "timed"
"""Mark of the checks that take a kernel's time: `@pytest.mark.timed`."""


SLIPS = {
    SIDE_EFFECTS: "leaves its inputs, and what it returned before, as they are",
    UNSTABLE: "answers the same whenever it is asked the same",
}
"""Titles of the checks that stand for no test: each is added, failed, where its slip was seen."""


SILENT = (NOT_WRITTEN, TOO_SLOW)
"""Failures that say all there is to say: no cause is looked for."""


FOREIGN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
"""Variables of the environment that pytest obeys."""


class CheckError(Exception):
    """A check itself failed to run: a fault of the course, never of the learner."""


class Ran(NamedTuple):
    """One test that ran: its name and title, and what it raised."""

    name: str
    title: str
    error: BaseException | None


class Plugin:
    """Hands the kernels under check to the tests, as fixtures of their names, and collects how each test went."""

    NAME = "autograder-checks"
    """Under which pytest knows it; checks/conftest.py looks for it."""

    def __init__(
        self,
        subjects: Mapping[str, Subject],
        seed: str,
        timed: bool = False,
    ):
        self.__name__ = self.NAME
        self.subjects = subjects
        self.seed = seed
        self.timed = timed
        self.outcomes: dict[str, list[Ran]] = {name: [] for name in subjects}
        self.unread = ""
        # pytest finds fixtures on a plugin's class, so the kernels' fixtures get a class of their own
        made = {name: _hand_out(name, subject) for name, subject in subjects.items()}
        self._kernels = type("Kernels", (), made)()

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._kernels)

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """Random numbers of one test: the same seed and test always draw the same."""
        return random_for(self.seed, request.node.originalname)

    def pytest_exception_interact(self, call: pytest.CallInfo[Any], report: object) -> None:
        """Keep why a file of checks could not be read: pytest ends then as if somebody had pressed Ctrl-C."""
        if isinstance(report, pytest.CollectReport) and call.excinfo:
            self.unread = place_and_error(call.excinfo.value.__cause__ or call.excinfo.value)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [
            item
            for item in items
            if self._kernel(item) and (self.timed or item.get_closest_marker(TIMED) is None)
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        kernel = self._kernel(item)
        if kernel is None:
            return (yield)
        self.subjects[kernel].begin()
        done = yield
        self.subjects[kernel].settle()
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        kernel = self._kernel(item)
        if kernel and (call.when == "call" or call.excinfo):
            name = getattr(item, "originalname", item.name)
            title = (item.obj.__doc__ or name).strip().splitlines()[0].rstrip(".")  # type: ignore[attr-defined]
            self.outcomes[kernel].append(Ran(name, title, call.excinfo.value if call.excinfo else None))
        return report

    def _kernel(self, item: pytest.Item) -> str | None:
        used = [name for name in getattr(item, "fixturenames", ()) if name in self.subjects]
        return used[0] if used else None


class _PlainReports:
    """Keeps pytest from formatting the traceback of every failed check, some 10 ms each, that nobody would see."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        assert call.when != "collect"
        outcome: Literal["passed", "failed"] = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)


LEFT_OUT = (
    "assertion cacheprovider capture debugging doctest faulthandler junitxml legacypath logging monkeypatch pastebin "
    "python_path recwarn reports setuponly setupplan skipping stepwise subtests terminal threadexception tmpdir "
    "unittest unraisableexception warnings"
)
"""Parts of pytest that the checks do not need: most of them would do something around every test, for nothing."""


def _hand_out(name: str, subject: Subject) -> Any:
    return pytest.fixture(name=name)(lambda self: subject)


def random_for(seed: str, name: str) -> np.random.Generator:
    """Generator for one test under one seed."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def run_checks(
    path: Path,
    oracle: Oracle,
    calls: Mapping[str, Call],
    seed: str = PUBLIC_SEED,
    timed: bool = False,
    on_settled: Callable[[], None] = lambda: None,
    causes: bool = True,
) -> list[Exercise]:
    """Run the checks in the file `path` on the kernels named by `calls`; results come in the oracle's order.

    Checks that take time run only if `timed`, which asks for calls that are Timed too. `on_settled` is called when no
    call is left that counts: only the diagnosis asks from then on. Without `causes` there is none, where just the points
    are of use.

    Raises
    ------
    CheckError
        If a check fails in any other way than by stating a difference, or a kernel has no check.
    """
    points = oracle.points()
    kernels = [kernel for kernel in points if kernel in calls]
    subjects = {kernel: Subject(kernel, calls[kernel], oracle) for kernel in kernels}
    plugin = Plugin(subjects, seed, timed)
    _run_pytest(path, plugin)
    for kernel, subject in subjects.items():
        _see_whose_fault(path, subject, plugin)
        subject.repeat(random_for(seed, f"repeat {kernel}"))
    on_settled()
    return [
        _exercise(
            subjects[kernel],
            points[kernel],
            plugin.outcomes[kernel],
            _Others(path, subjects[kernel], seed) if oracle.knows_all else None,
            causes,
        )
        for kernel in kernels
    ]


OTHER_DRAWS = 2
"""How often the checks are run again with other inputs, for the diagnosis of a kernel that failed."""

PROBES = 50
"""Calls that are made at a time with other numbers, and with other lengths or settings, besides."""

FEW_PROBES = 12
"""The same, where a known mistake explains all that was seen."""

OTHER_SECONDS = 1.0
"""Seconds of processor time after which there is no further draw; after twice as many, no further probe."""

MOST_OTHER_SECONDS = 2.0
"""Seconds of processor time after which the diagnosis of a kernel makes no further call, in the middle of a draw too."""

IDLE_SECONDS = 20.0
"""Seconds on the clock after which there is none either: for a kernel that waits, which takes no processor time."""

PROBE_SECONDS = 0.01
"""Calls that take longer are not asked with other numbers."""


class _Others:
    """What a kernel does with inputs of no check: evidence for the diagnosis, of no effect on the score.

    Each call of it gives other calls of the kernel. If there are to be many, these are at first those of other draws of
    the checks, and the like with other numbers; then what is like any of these. Of a few, which are to be held against a
    known mistake, it is left open whether all right ways agree on them: to ask each of these takes most of the time. Its
    limits are of processor time, so that what else the machine does changes no diagnosis.
    """

    def __init__(self, path: Path, subject: Subject, seed: str):
        self._path, self._subject, self._seed = path, subject, seed
        self._rng = random_for(seed, "probes")
        self._spent = 0.0
        self._waited = 0.0
        self._kinds: list[Seen] = []
        self._is_warm = False

    def __call__(self, many: bool) -> list[Seen]:
        clock = self._subject.clock
        assert clock
        if many and not self._is_warm:
            self._warm_up()
        begun, at = clock() - self._spent, time.monotonic() - self._waited

        def call_in_time(args: tuple[Any, ...]) -> Outcome:
            if clock() - begun > MOST_OTHER_SECONDS or time.monotonic() - at > IDLE_SECONDS:
                raise Stopped(TIME_LIMIT, "the diagnosis has asked for long enough")
            return self._subject.call(args)

        other = Subject(self._subject.kernel, call_in_time, self._subject.oracle, clock=clock)
        first = many and not self._kinds
        if first:
            for number in range(OTHER_DRAWS):
                if clock() - begun < OTHER_SECONDS:
                    _run_pytest(
                        self._path, Plugin({other.kernel: other}, f"draw {number} beside {self._seed}")
                    )
            self._kinds = [call for call in other.seen if call.seconds < PROBE_SECONDS]
        kinds = self._kinds or [
            call for call in self._subject.seen if call.args and call.seconds < PROBE_SECONDS
        ]
        count = 2 * PROBES if first else PROBES if many else FEW_PROBES
        for number in self._rng.permutation(len(kinds))[:count]:
            if clock() - begun < 2 * OTHER_SECONDS:
                self._ask(other, kinds[number], is_sure=many)
        self._spent, self._waited = clock() - begun, time.monotonic() - at
        return other.seen

    def _warm_up(self) -> None:
        """Let the right ways import what they need, which takes a second where it was not done yet, and is no time of the kernel."""
        self._is_warm = True
        some = [seen.args for seen in self._subject.seen if seen.args and seen.seconds < PROBE_SECONDS]
        if some:
            self._subject.oracle.undisputed(self._subject.kernel, some[0])

    def _ask(self, other: Subject, call: Seen, is_sure: bool) -> None:
        """Ask one call with other numbers, and one that is varied; if it `is_sure`, only where all right ways agree on it."""
        oracle, kernel = other.oracle, other.kernel
        naming = other.oracle.naming(other.kernel)
        for changed in (
            redrawn(call.args, self._rng),
            self._varied(naming, call.args, 1 + int(self._rng.integers(3))),
        ):
            if changed and (
                oracle.undisputed(kernel, changed) if is_sure else not oracle.expected(kernel, changed).error
            ):
                same = list(map(_dtype, changed)) == list(map(_dtype, call.args))
                with contextlib.suppress(CheckFailure):
                    other.agrees(*changed, rtol=call.rtol if same else None)

    def _varied(self, naming: Naming, args: tuple[Any, ...], times: int) -> tuple[Any, ...] | None:
        changed = args
        for _ in range(times):
            changed = varied(naming, changed, self._rng) or changed
        if changed is args:
            return None
        return redrawn(changed, self._rng) or changed


def _dtype(value: Any) -> Any:
    return getattr(value, "dtype", None)


def _see_whose_fault(path: Path, subject: Subject, plugin: Plugin) -> None:
    """Count an exception inside a check as a failure of the kernel, if that check runs through on right answers.

    So nothing that a kernel returns, however odd, can pass for a fault of the course.
    """
    ours = (CheckFailure, KeyboardInterrupt)
    outcomes = plugin.outcomes[subject.kernel]
    odd = [ran.name for ran in outcomes if ran.error and not isinstance(ran.error, ours)]
    if not odd or subject.fault:
        return
    kernel, oracle = subject.kernel, subject.oracle
    proof = Plugin({kernel: Subject(kernel, lambda args: oracle.expected(kernel, args), oracle)}, plugin.seed)
    _run_pytest(path, proof)
    passing = {ran.name for ran in proof.outcomes[kernel] if ran.error is None}
    for at, ran in enumerate(outcomes):
        if ran.name in odd and ran.name in passing:
            failure = subject.unusable(
                f"the check can do nothing with what came back ({type(ran.error).__name__})"
            )
            outcomes[at] = ran._replace(error=CheckFailure(failure))


def _run_pytest(path: Path, plugin: Plugin) -> None:
    options = [*(f"-pno:{name}" for name in LEFT_OUT.split()), "-c", os.devnull]
    options += [f"--rootdir={path.parent}", f"--confcutdir={path.parent}"]  # no conftest.py of a folder above
    errors = io.StringIO()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(errors),
        _no_foreign_options(),
        warnings.catch_warnings(),
    ):
        if (
            not sys.warnoptions
        ):  # what a notebook asked for, to raise on any warning perhaps, is not asked of pytest
            warnings.simplefilter("default")
        code = pytest.main([*options, str(path)], plugins=[plugin, _PlainReports()])
    if plugin.unread:
        raise CheckError(f"the checks cannot be read: {plugin.unread}")
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CheckError(
            f"pytest could not run {path.name} (exit code {int(code)}) {errors.getvalue()[-500:]}"
        )


@contextlib.contextmanager
def _no_foreign_options() -> Iterator[None]:
    """Keep from pytest what the environment says to other runs of it: their options and plugins."""
    before = {name: os.environ.pop(name, None) for name in FOREIGN}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _exercise(
    subject: Subject,
    points: float,
    outcomes: list[Ran],
    more: More | None,
    causes: bool,
) -> Exercise:
    if not outcomes:
        raise CheckError(f"no check uses the kernel {subject.kernel}")
    failures: list[Failure] = []
    checks: list[Check] = []
    for ran in outcomes:
        if ran.error is not None and not isinstance(ran.error, CheckFailure):
            if isinstance(ran.error, KeyboardInterrupt):
                raise ran.error
            # the line of the check: what it called may well be ours
            raise CheckError(f"{ran.name} did not run: {place_and_error(ran.error, 'test_')}") from ran.error
        if ran.error is not None:
            failures.append(replace(ran.error.failure, check=ran.name))
        message = ran.error.failure.message if ran.error else ""
        checks.append(Check(ran.name, ran.title, ran.error is None, message))
    checks += [Check(name, SLIPS[name], False, slip.message) for name, slip in subject.slips.items()]
    passed = sum(check.passed for check in checks)
    # what is wrong with the values comes first: whoever mends that may well mend the rest
    shown = failures or list(subject.slips.values())
    smallest = min(shown, key=lambda failure: failure.size, default=None)
    if failures and smallest and UNSTABLE in subject.slips:
        smallest = replace(smallest, message=f"{smallest.message}; {subject.slips[UNSTABLE].message}")
    cause = _cause(subject, more) if causes and smallest and smallest.reason not in SILENT else None
    return Exercise(
        subject.kernel,
        points,
        round(points * passed / len(checks), 2),
        _verdict(failures, smallest),
        tuple(checks),
        smallest,
        cause.kind if cause else "",
        cause.mistake if cause else "",
        cause.text if cause else "",
    )


def _cause(subject: Subject, more: More | None) -> Cause | None:
    """What the diagnosis finds. Should it fail itself, it says so, and the verdict stands without a cause."""
    try:
        return explain(subject, more)
    except Exception as error:
        text = f"no cause for {subject.kernel}: {type(error).__name__}: {error}"
        warnings.warn(text[:300], stacklevel=2)
        return None


def _verdict(failures: list[Failure], smallest: Failure | None) -> str:
    if smallest is None:
        return PASSED
    reasons = {failure.reason for failure in failures}
    for limit in (TIME_LIMIT, MEMORY_LIMIT, OUTPUT_LIMIT, CRASHED):
        if limit in reasons:
            return limit
    if smallest.reason in (NOT_WRITTEN, RAISED, TOO_SLOW):
        return smallest.reason
    return WRONG


def check_names(path: Path) -> dict[str, list[str]]:
    """Names of the checks of each kernel in a file of checks, read without running it.

    Raises
    ------
    CheckError
        If it is not Python.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        raise CheckError(f"the checks cannot be read: {place_and_error(error)}") from None
    found: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.args.args:
            found.setdefault(node.args.args[0].arg, []).append(node.name)
    return found
