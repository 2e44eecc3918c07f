"""Find submissions whose code is nearly the same, with compare50 in an environment of its own: a pointer for a person.

compare50 (CS50's, https://cs50.readthedocs.io/projects/compare50) takes away what was handed out, names, comments and
blanks, and ranks the pairs. Kernels are short, so its ranking alone would list people who found the same right way. Here
a pair is kept only if it agrees where others of this class do not.
"""

import itertools
import json
import math
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from nbformat import NotebookNode

from ..chapters import ROOT, Chapter
from ..publishing.authoring import is_exercise
from ..reports.similar import Agreement, Pair, Similar
from ..results import GRADED, Submission
from .classroom import Classroom, ClassroomError

PYTHON = ROOT / ".venv" / "compare50" / "bin" / "python"
"""Of the environment that `make compare50` sets up."""

PROGRAM = Path(__file__).with_name("fingerprints.py")

SECONDS = 600
"""What a comparison may take; that of a class of thirty takes two."""

LONGEST = 20_000
"""Characters of a cell that is compared; the longest kernel of the course has a sixth of that."""

MOST = 1000
"""Submissions of a class that is compared: the work grows with the pairs."""

ENOUGH = 8
"""Fingerprints of a kernel that is long enough: about one in six tokens has one, so that is some fifty tokens, five lines."""

NEARLY = 0.8
"""Share of the fingerprints of two kernels that both have, from which on they are nearly the same."""

MOSTLY = 0.6
"""The same of all exercises together: whoever agrees in a smaller part of them is not listed."""

CHANCE = 0.1
"""How many pairs as alike may be expected by chance: one such pair in ten classes."""

Prints = Mapping[str, frozenset[int]]
"""Fingerprints of the kernels of one submission, by name, without those of what was handed out."""


def require_compare50() -> None:
    """Make sure that there is a compare50 to ask.

    Raises
    ------
    ClassroomError
        If there is none.
    """
    if (
        not PYTHON.exists()
        or subprocess.run([PYTHON, "-s", "-P", "-c", "import compare50"], capture_output=True).returncode
    ):
        raise ClassroomError("--similar needs compare50, which is not installed: make compare50")


def compare_chapter(room: Classroom, chapter: Chapter, submissions: Sequence[Submission]) -> Similar:
    """The same for what was released in a classroom; where that cannot be read, the result says so."""
    try:
        release = room.released(chapter)
    except (ClassroomError, OSError, ValueError) as error:
        return Similar(problem=f"the release cannot be read ({str(error).partition(chr(10))[0][:200]})")
    return compare(release, submissions)


def compare(release: NotebookNode, submissions: Sequence[Submission]) -> Similar:
    """Compare the code of the exercises of a class. Whatever fails is said in the result; a report needs no comparison."""
    stubs = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in release.cells if is_exercise(cell)
    }
    class_ = [one for one in submissions if one.verdict == GRADED]
    written = {one.student: written_code(one, stubs) for one in class_}
    students = [student for student, cells in written.items() if cells]
    left_out = tuple(
        (student, kernel)
        for student in students
        for kernel, text in written[student].items()
        if len(text) > LONGEST
    )
    if len(students) > MOST:
        return Similar(problem=f"{len(students)} submissions are more than the {MOST} that can be compared")
    if len(students) < 2:
        return Similar(count=len(students), too_few=True)
    given = [cell.source for cell in release.cells if cell.cell_type == "code"]
    texts = [
        {kernel: text for kernel, text in written[student].items() if len(text) <= LONGEST}
        for student in students
    ]
    try:
        everybody, slow, ranking = ask_compare50(list(stubs), given, texts)
    except subprocess.TimeoutExpired:
        return Similar(problem=f"compare50 took longer than {SECONDS} seconds")
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        return Similar(problem=f"compare50 failed ({said[-1][:200] if said else type(error).__name__})")
    pairs, long_enough = remarkable(everybody, ranking)
    rarest = [1 / math.comb(len(students), 2)] * len(long_enough)
    return Similar(
        tuple(Pair((students[a], students[b]), share, tuple(found)) for (a, b), share, found in pairs),
        len(students),
        tuple(kernel for kernel in stubs if kernel in long_enough),
        left_out + tuple((students[number], kernel) for number, kernel in slow),
        too_few=by_chance(rarest, len(long_enough), len(students)) > CHANCE,
    )


def written_code(one: Submission, stubs: Mapping[str, str]) -> dict[str, str]:
    """The code that a learner wrote into the cells of exercises, by kernel; an untouched stub is none."""
    return {
        kernel: one.cells[kernel]
        for kernel, stub in stubs.items()
        if one.cells.get(kernel, "").strip() not in ("", stub.strip())
    }


def ask_compare50(
    kernels: Sequence[str], given: Sequence[str], texts: Sequence[Mapping[str, str]]
) -> tuple[list[Prints], list[tuple[int, str]], list[tuple[int, int]]]:
    """Fingerprints of everybody, what was too slow to read, and pairs, the most alike first.

    What people are called never gets into a file's name: people and kernels are numbers there.
    """
    with tempfile.TemporaryDirectory(prefix="similar-") as folder:
        place = Path(folder)
        for name, sources in [("given", dict(enumerate(given)))] + [
            (str(number), {kernels.index(kernel): text for kernel, text in cells.items()})
            for number, cells in enumerate(texts)
        ]:
            (place / name).mkdir()
            for number, source in sources.items():
                (place / name / f"{number}.py").write_text(source, encoding="utf-8", errors="replace")
        # -P: the modules beside the program are ours; the seed is the one of the command `compare50`: the same result
        # every time. Texts are read as UTF-8 whatever the machine's language is
        done = subprocess.run(
            [PYTHON, "-s", "-P", PROGRAM, place],
            cwd=place,
            env={"PYTHONHASHSEED": "50", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    said = json.loads(done.stdout)
    people = [said["everybody"][str(number)] for number in range(len(texts))]
    everybody: list[Prints] = [
        {kernels[int(number)]: frozenset(prints) for number, prints in one["fingerprints"].items()}
        for one in people
    ]
    slow = [(number, kernels[int(name)]) for number, one in enumerate(people) for name in one["slow"]]
    return everybody, slow, [(min(a, b), max(a, b)) for a, b, _ in said["ranking"]]


def shared(one: Set[object], other: Set[object]) -> float:
    """Share of the fingerprints of two that both have."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def agreements(
    kernel: str, prints: Mapping[int, frozenset[int]], people: int
) -> dict[tuple[int, int], tuple[Agreement, float]]:
    """Pairs whose fingerprints of a kernel are nearly the same, each with how probable it is that two agree so.

    The class itself says that: it is the share of all pairs that agree, in ways that as few people or fewer chose.

    prints : of those whose kernel is long enough; people : how many wrote it at all
    """
    near: dict[tuple[int, int], float] = {}
    chose = {number: {number} for number in prints}
    for a, b in itertools.combinations(sorted(prints), 2):
        one, other = prints[a], prints[b]
        if min(len(one), len(other)) < NEARLY * max(len(one), len(other)):
            continue
        share = shared(one, other)
        if share >= NEARLY:
            near[a, b] = share
            chose[a].add(b)
            chose[b].add(a)
    sizes = {(a, b): len(chose[a] | chose[b]) for a, b in near}
    counts = sorted(Counter(sizes.values()).items())
    up_to = dict(
        zip([size for size, _ in counts], itertools.accumulate(count for _, count in counts), strict=True)
    )
    all_pairs = math.comb(people, 2)
    return {
        pair: (Agreement(kernel, share, sizes[pair]), up_to[sizes[pair]] / all_pairs)
        for pair, share in near.items()
    }


def by_chance(probabilities: Sequence[float], kernels: int, people: int) -> float:
    """How many pairs of a class may be expected to agree so, if everybody chose on their own.

    probabilities : of each kernel in which the pair agrees; kernels : how many are long enough. It takes those two or more
    kernels that say most, and as it could have been any others, counts the ways to take so many.
    """
    rarest = sorted(probabilities)
    return min(
        (
            math.comb(people, 2) * math.comb(kernels, count) * math.prod(rarest[:count])
            for count in range(2, len(rarest) + 1)
        ),
        default=math.inf,
    )


def remarkable(
    everybody: Sequence[Prints], ranking: Sequence[tuple[int, int]]
) -> tuple[list[tuple[tuple[int, int], float, list[Agreement]]], set[str]]:
    """The pairs of a ranking that agree in two kernels or more, where chance would not have it; and which kernels count.

    How probable it is that two agree in a kernel is taken from the class; the kernels are taken to be chosen one without
    the other. That is not quite so, since people have habits: one more reason to call the result a pointer.
    """
    found: dict[tuple[int, int], list[tuple[Agreement, float]]] = {}
    long_enough = set()
    for kernel in dict.fromkeys(kernel for one in everybody for kernel in one):
        prints = {
            number: one[kernel] for number, one in enumerate(everybody) if len(one.get(kernel, ())) >= ENOUGH
        }
        wrote = sum(kernel in one for one in everybody)
        if len(prints) > 1:
            long_enough.add(kernel)
        for pair, agreement in agreements(kernel, prints, wrote).items():
            found.setdefault(pair, []).append(agreement)
    kept = []
    for pair in ranking:
        if pair not in found:
            continue
        probabilities = [probability for _, probability in found[pair]]
        share = shared(*(everything(everybody[who]) for who in pair))
        if share >= MOSTLY and by_chance(probabilities, len(long_enough), len(everybody)) <= CHANCE:
            kept.append((pair, share, [agreement for agreement, _ in found[pair]]))
    return kept, long_enough


def everything(one: Prints) -> frozenset[tuple[str, int]]:
    """Fingerprints of all kernels of a submission together."""
    return frozenset((kernel, number) for kernel, numbers in one.items() for number in numbers)
