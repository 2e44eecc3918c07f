"""Grade notebooks with otter-grader: this file runs in the environment of `make otter`, where nothing else of the project is.

    python -P in_otter.py AUTOGRADER.ZIP PROCESSES RESULTS.json NOTEBOOK...

otter's command for notebooks without containers, `otter run`, takes one at a time and starts anew for each. Its function
for the same, `otter.api.grade_submission`, can be called again and again, which is quicker.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial


def grade(autograder: str, notebook: str) -> dict[str, float] | str:
    """Points by question; or, if otter could not grade the notebook, what it said."""
    from otter.api import grade_submission

    try:
        results = grade_submission(notebook, autograder, quiet=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if results.has_catastrophic_failure():
        return f"no results: {results.catastrophic_error!r}"
    return {question: float(results.get_score(question)) for question in results.test_files}


def main() -> None:
    autograder, processes, path, *notebooks = sys.argv[1:]
    one = partial(grade, autograder)
    if processes == "1":
        found = list(map(one, notebooks))
    else:
        with ProcessPoolExecutor(int(processes)) as pool:
            found = list(pool.map(one, notebooks))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
