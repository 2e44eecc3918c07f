"""Seconds of processor time that grading takes, with those of its workers.

A worker that is forked from a process that stands ready is no child of ours: what it used is asked while it lives.
"""

import contextlib
import resource

from autograder.jail import session, warm


class Processor(contextlib.AbstractContextManager["Processor"]):
    """What this process, its children and its workers use while this is entered, in seconds of processor time.

    It holds for a time in which one process stands ready and forks all workers, one after the other.
    """

    def __enter__(self) -> "Processor":
        self._workers = 0.0
        self._close = close = session.Worker.close

        def counted(worker: session.Worker) -> None:
            if isinstance(worker._process, warm.Fork) and worker._process.returncode is None:
                self._workers += worker.busy()
            close(worker)

        session.Worker.close = counted  # type: ignore[method-assign]
        self._begin = self._used()
        return self

    def __exit__(self, *_: object) -> None:
        session.Worker.close = self._close  # type: ignore[method-assign]

    def seconds(self) -> float:
        """All that was used so far by what has ended, and by this process."""
        return self._used() - self._begin

    def _used(self) -> float:
        ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        ready = getattr(warm._mine, "ready", None)
        stands_ready = (
            sum(map(session._processor_seconds, session._tree(ready._process.pid))) if ready else 0.0
        )
        return self._workers + stands_ready + sum(one.ru_utime + one.ru_stime for one in ours)
