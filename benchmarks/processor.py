"""Seconds of processor time that grading takes, with those of its workers.

A worker that is forked from a process that stands ready is no child of ours: what it used is asked while it lives.
"""

import resource

from autograder.jail import session, warm


class Processor:
    """What this process, its children and its workers have used since this was made, in seconds of processor time."""

    def __init__(self) -> None:
        self._workers = 0.0
        close = session.Worker.close

        def counted(worker: session.Worker) -> None:
            if isinstance(worker._process, warm.Fork) and worker._process.returncode is None:
                self._workers += worker.busy()
            close(worker)

        session.Worker.close = counted  # type: ignore[method-assign]
        self._begin = self._used()

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
