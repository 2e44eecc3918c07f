"""Grade on a cluster: the same grades, made by Dask's workers, each in the jail of its own machine.

A grade is a pure function of a `Job`, so it does not matter where it is made, or how often: what counts is what the
recorder writes, here, once. A worker that dies takes nothing with it, since Dask hands its jobs to another; and if this
program ends, what was recorded stays, and running it again grades the rest.

Dask, since its scheduler and workers are what clusters already run, and it encrypts the wire; it reads certificates from
its own configuration (`distributed.comm.tls` in a file, or `DASK_DISTRIBUTED__COMM__TLS__CA_FILE` and its like).
"""

import collections
import contextlib
import dataclasses
import functools
import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from ..chapters import UnknownChapter, chapter
from ..jail.session import JailMissing, WorkerFault, require_jail
from ..results import FAULT, Submission
from .submission import Job, bundle_hash, grade

AHEAD = 2
"""Jobs handed out for each thread of the cluster: one at work and one at hand, so that memory here does not grow."""

PATIENCE = 30
"""Seconds until a scheduler must answer, and a first worker be there."""

MISSING = "Dask is missing; install it with: pip install --constraint constraints.txt --editable '.[cluster]'"


class ClusterError(WorkerFault):
    """The cluster cannot be used; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class _Answer:
    """What a worker made of a job: the result, with the seconds that it took, or why it must not grade."""

    worker: str
    result: Submission | None = None
    seconds: float = 0.0
    unfit: str = ""


def grade_all(
    jobs: Iterable[Job],
    address: str,
    on_done: Callable[[Job, Submission], None],
    on_refused: Callable[[str], None],
    on_time: Callable[[Job, float], None] = lambda job, seconds: None,
) -> None:
    """Grade many submissions on the cluster whose scheduler has this address; `on_done` gets each result as it comes.

    address : such as "tls://10.0.0.1:8786"; on_refused : is told of each worker that must not grade, and why
    on_time : is told before each result how many seconds it took

    Raises
    ------
    ClusterError
        If there is no such cluster, or no worker in it that may grade.
    """
    with _client(address) as client:
        from distributed import KilledWorker, as_completed

        waiting, given_back = iter(jobs), collections.deque[Job]()
        refused: dict[str, str] = {}
        running: dict[str, Job] = {}
        done = as_completed(loop=client.loop)

        def hand_out() -> None:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            fit = [worker for worker in workers if worker not in refused]
            if workers and not fit:
                raise ClusterError(f"no worker of {address} may grade: {next(iter(refused.values()))}")
            room = AHEAD * sum(workers[worker]["nthreads"] for worker in fit) or AHEAD
            while len(running) < room and (
                one := given_back.popleft() if given_back else next(waiting, None)
            ):
                # others only if none of these is left: they would answer that they are unfit
                future = client.submit(
                    _grade,
                    one,
                    bundle_hash(one.chapter, one.release),
                    pure=False,
                    workers=fit if refused else None,
                    allow_other_workers=bool(refused),
                )
                running[future.key] = one
                done.add(future)

        hand_out()
        while running:
            future = next(done)
            one = running.pop(future.key)
            error = future.exception()
            if isinstance(error, KilledWorker):
                reason = f"its worker was lost: {type(error).__name__}: {error}"[:1000]
                on_done(one, Submission(one.student, one.chapter.name, FAULT, reason, seed=one.seed))
            elif error is not None:  # it could not even begin: a worker without this program
                raise ClusterError(
                    f"a worker of {address} cannot run this program ({type(error).__name__}: {error}); end it, or start it in "
                    "this project's environment"
                )
            elif (answer := future.result()).result is None:
                if answer.worker not in refused:
                    refused[answer.worker] = answer.unfit
                    on_refused(f"{answer.worker} does not grade: {answer.unfit}")
                given_back.append(one)
            else:
                on_time(one, answer.seconds)
                on_done(one, answer.result)
            hand_out()


def is_open(address: str) -> bool:
    """Whether what goes to this scheduler can be read and altered on its way: unencrypted, and to another machine."""
    parts = urlsplit(address)
    if parts.scheme == "tls":
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname != "localhost"


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    """A connection to a scheduler that has at least one worker."""
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(MISSING) from None
    try:
        # no report of its own: what is wrong is said here, once
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ClusterError(f"no scheduler answers at {address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ClusterError(
                f"no worker has joined {address} in {PATIENCE} s; start one with: dask worker {address} --nthreads 1"
            ) from None
        yield client


# What runs in a worker

_one_at_a_time = threading.Lock()
"""The checks run under pytest, of which a process has one at a time."""


def _grade(one: Job, program: str) -> _Answer:
    """Grade a job in this worker, if it may; `program` is the hash of all that decides the grade."""
    from distributed import get_worker

    worker = str(get_worker().address)
    with _one_at_a_time:
        try:
            # where the course lies is this machine's own
            here = dataclasses.replace(one, chapter=chapter(one.chapter.name))
            unfit = _unfit(here.chapter.name, here.release, program, here.jailed)
        except (OSError, UnknownChapter, WorkerFault) as error:
            unfit = f"its course is another: {error}"
        if unfit:
            return _Answer(worker, unfit=unfit)
        begun = time.monotonic()
        return _Answer(worker, grade(here), time.monotonic() - begun)


@functools.lru_cache(maxsize=64)
def _unfit(name: str, release: bytes, program: str, jailed: bool) -> str:
    """Why this worker must not grade this chapter; empty if it may."""
    if jailed:
        try:
            require_jail()
        except JailMissing as missing:
            return str(missing)
    if bundle_hash(chapter(name), release) != program:
        return "its course, NumPy or pytest is another version than here; update it, and start it again"
    return ""
