"""`make bench-cluster`: what a submission costs here, on its worker and in this program, and 100,000 of them on clusters of many sizes.

The costs are measured; the large class is simulated from them, event by event: workers grade side by side, while one
scheduler passes jobs on, and one recorder writes the results one after the other. Whichever of them is busy all the time
is the bottleneck.
"""

import heapq
import pickle
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.grading.classroom import Classroom
from autograder.grading.cluster import AHEAD
from autograder.grading.recorder import Recorder
from autograder.grading.submission import Job, grade, job
from autograder.jail.session import Limits
from autograder.results import Submission
from benchmarks.entrants import CHAPTER, course, submissions
from benchmarks.processor import Processor

MEASURED = 24
CLASS = 100_000
WORKERS = (2, 8, 32, 128, 512)
console = Console()


@dataclass
class Costs:
    """Seconds of processor time of each submission: on its worker, in the recorder; and of a task in the scheduler."""

    grading: list[float]
    recording: list[float]
    passing: float


def timed(processor: Processor, work: Callable[[], Submission]) -> tuple[Submission, float]:
    begin = processor.seconds()
    result = work()
    return result, processor.seconds() - begin


def measure(folder: Path) -> tuple[Costs, int, int]:
    """The costs, and the median bytes of a job and of its result on the wire."""
    base = Classroom(folder / "base")
    base.release(CHAPTER)
    room = course(base, submissions(base, MEASURED), folder / "room")
    release, secret = room.release_path(CHAPTER).read_bytes(), room.secret()

    def read(student: str) -> Job:
        path = room.folder("submitted", student, CHAPTER) / f"{CHAPTER.name}.ipynb"
        return job(student, CHAPTER, path, release, secret, Limits(), jailed=True)

    jobs = [read(student) for student in room.students(CHAPTER)]
    grade(jobs[0])  # imports, and what is kept of the release
    grading, recording, sizes, answers = [], [], [], []
    with Recorder(room, CHAPTER) as recorder, Processor() as processor:
        for one in jobs:
            result, seconds = timed(processor, lambda one=one: grade(one))  # type: ignore[misc]
            grading.append(seconds)
            result, seconds = timed(processor, lambda one=one, result=result: recorder.record(one, result))  # type: ignore[misc]
            recording.append(seconds)
            sizes.append(len(pickle.dumps(one)))
            answers.append(len(pickle.dumps(result)))
    return (
        Costs(grading, recording, passing_seconds()),
        int(statistics.median(sizes)),
        int(statistics.median(answers)),
    )


def passing_seconds(tasks: int = 2_000) -> float:
    """Seconds that Dask's scheduler takes for a task that does nothing: one process, so nothing else is measured."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as local,
        Client(local) as client,
    ):
        client.gather(client.map(abs, range(100), pure=False))
        begin = time.process_time()
        client.gather(client.map(abs, range(tasks), pure=False))
        return (time.process_time() - begin) / tasks


def simulate(costs: Costs, workers: int, count: int, seed: int = 1) -> tuple[float, float, float]:
    """Seconds until so many submissions are recorded, and what share of them workers and recorder were busy.

    A worker has AHEAD jobs at hand, so it waits only if the scheduler or the recorder, which hands out the next job when
    it has written a result, is behind.
    """
    draw = random.Random(seed)
    free: list[tuple[float, int]] = []  # ends of grading, by time
    handed = min(count, AHEAD * workers)
    at_work = [0.0] * workers  # when each worker is free again
    passed = recorder_free = busy = written = 0.0
    for number in range(handed):
        passed += costs.passing
        worker = number % workers
        seconds = draw.choice(costs.grading)
        at_work[worker] = max(at_work[worker], passed) + seconds
        busy += seconds
        heapq.heappush(free, (at_work[worker], worker))
    while free:
        end, worker = heapq.heappop(free)
        seconds = draw.choice(costs.recording)
        recorder_free = max(recorder_free, end) + seconds
        written += seconds
        if handed < count:
            handed += 1
            passed = max(passed, recorder_free) + costs.passing
            seconds = draw.choice(costs.grading)
            at_work[worker] = max(at_work[worker], passed) + seconds
            busy += seconds
            heapq.heappush(free, (at_work[worker], worker))
    return recorder_free, busy / (workers * recorder_free), written / recorder_free


def main() -> None:
    """Measure, simulate, and say where a larger cluster stops helping."""
    with (
        console.status(f"grading {MEASURED} submissions of {CHAPTER.name} …"),
        tempfile.TemporaryDirectory() as scratch,
    ):
        costs, job_bytes, answer_bytes = measure(Path(scratch))
    graded, recorded = statistics.mean(costs.grading), statistics.mean(costs.recording)
    console.print(
        f"a submission of {CHAPTER.name}: {graded:.2f} s of a worker's processor, {1000 * recorded:.0f} ms to record it, "
        f"{1000 * costs.passing:.1f} ms of Dask's scheduler; {job_bytes / 1000:.0f} kB there, {answer_bytes / 1000:.0f} kB back"
    )
    table = Table(box=None)
    for heading in ("cores", "100,000 graded in", "a second", "cores busy", "recorder busy"):
        table.add_column(heading, justify="right")
    for workers in WORKERS:
        seconds, busy, writing = simulate(costs, workers, CLASS)
        table.add_row(
            str(workers), f"{seconds / 3600:.1f} h", f"{CLASS / seconds:.1f}", f"{busy:.0%}", f"{writing:.0%}"
        )
    console.print(table)
    console.print(
        f"The recorder is the bottleneck from about {graded / recorded:.0f} cores on. Beyond, grade chapters in classrooms of "
        "their own, each with its recorder, side by side: nothing is shared between them but the cluster."
    )


if __name__ == "__main__":
    main()
