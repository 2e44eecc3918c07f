"""Of a released notebook runs what a learner's code needs, and no more."""

import pytest

from autograder.inside.slicing import names_used, needed, reached, statements


def kept(own: str, *given: str) -> list[str]:
    """Of each given cell the statements that lead to a name of the learner's."""
    wanted = needed(names_used(own), [one for cell in given for one in statements(cell)])
    return ["\n".join(one.source for one in statements(cell) if one.binds & wanted) for cell in given]


def test_what_a_needed_statement_uses_is_needed_too() -> None:
    given = ["import numpy as np\nscale = np.pi", "def area(r):\n    return scale * r", "unused = 1"]
    assert kept("def f(x):\n    return area(x)", *given) == [*given[:2], ""]


def test_local_names_of_a_function_need_nothing() -> None:
    given = ["weights = np.ones(9)", "def draw():\n    image = 1"]
    own = "def f(image):\n    weights = 2\n    return [weights * x for x in image]"
    assert kept(own, *given) == ["", ""]


def test_a_module_whose_function_sounds_like_a_change_in_place_is_needed() -> None:
    assert names_used("def f(x):\n    return np.sort(x)") == {"np"}


@pytest.mark.parametrize(
    "own",
    [
        "figure = 3\nfigure += 1\nprint(figure)",
        "def figure(): return figure()",
        "for figure in 1, 2: print(figure)",
        "import figure\nfigure.draw()",
    ],
)
def test_a_name_that_a_cell_binds_first_needs_nothing(own: str) -> None:
    assert kept(own, "figure = draw()") == [""]


@pytest.mark.parametrize("own", ["figure = figure + 1", "figure += 1", "def f(): return figure\nfigure = 2"])
def test_a_name_that_a_cell_uses_first_is_needed(own: str) -> None:
    assert kept(own, "figure = draw()") == ["figure = draw()"]


def test_commands_of_ipython_do_not_hide_names() -> None:
    assert names_used("%matplotlib inline\n!ls\ny = np.ones(3)") == {"np"}


@pytest.mark.parametrize(
    "own",
    [
        "%%time\nf(1)",
        "f?",
        "f(",
        "import sys\nf(sys.maxsize)",
        "getattr(f, '__doc__')",
        "from math import *\nf(pi)",
        "eval('f(1)')",
        "exec('f' + '()')",
        "import sys as s\ns.modules['__main__'].f()",
    ],
)
def test_of_an_odd_cell_the_words_count(own: str) -> None:
    """keeps what such a cell names, and leaves out the rest, which may take long"""
    assert kept(own, "f = abs", "for epoch in range(1000):\n    train(epoch)") == ["f = abs", ""]


def test_a_function_of_numpy_changes_no_name() -> None:
    (statement,) = statements("inside = np.sort(np.append(strength, 1))")
    assert statement.binds == {"inside"}


def test_changes_in_place_and_odd_breaks_are_seen() -> None:
    given = ["import numpy as np\nsizes = []", "sizes.append(3)", "other = 1"]
    assert kept("x = (sizes\n% 2)", *given) == ["sizes = []", "sizes.append(3)", ""]


def test_what_leads_to_a_kernel_is_known() -> None:
    given = [
        one
        for cell in ("a = f(1)", "def draw(): return a", "b = draw()", "c = 2")
        for one in statements(cell)
    ]
    assert reached(["f"], given) == {"f", "a", "draw", "b"}
