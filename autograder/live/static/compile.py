"""Runs in Pyodide at build time, started by compile.mjs: see which modules a first check loads, and compile those."""

import importlib._bootstrap_external as bootstrap
import os
import sys
import zipfile

SITE, STDLIB = "/lib/python3.12/site-packages/", "/lib/python312.zip/"
zipfile.ZipFile("/kit.zip").extractall(SITE)
from autograder.live.session import Session  # noqa: E402, it has just been put there

session = Session(chapter, stub)  # noqa: F821, both set by compile.mjs
for number, cell in enumerate(session.cells):
    name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
    if cell["metadata"].get("nbgrader", {}).get("solution"):
        # a wrong answer: it loads the diagnosis too
        session.check(name, {number: f"import numpy as np\ndef {name}(*args):\n    return np.zeros((2, 2))"})
        break


def sources():
    """The source files of all modules that are loaded."""
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    return {file for file in files if file.endswith(".py")}


loaded = sources()


def bytecode(source, path, optimize=0):
    # by a hash that is never compared: the dates of files are others in each browser
    code = compile(source, path, "exec", dont_inherit=True, optimize=optimize)
    return bootstrap._code_to_hash_pyc(code, b"\0" * 8, False)


WITHOUT_DOCSTRINGS = (
    2  # half a megabyte of those of the standard library and of pytest, which nobody asks for here
)


def beside(path, part):
    """Name and content of the bytecode that Python looks for beside a source."""
    folder, name = os.path.split(part)
    with open(path, "rb") as file:
        return f"{folder}/__pycache__/{name[:-3]}.cpython-312.pyc", bytecode(file.read(), path)


os.mkdir("/made")
with (
    zipfile.ZipFile("/python_stdlib.zip") as plain,
    zipfile.ZipFile("/made/python_stdlib.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made,
):
    for entry in plain.infolist():
        content = plain.read(entry)
        if STDLIB + entry.filename in loaded:
            code = bytecode(content, STDLIB + entry.filename, WITHOUT_DOCSTRINGS)
            made.writestr(entry.filename + "c", code)
        else:
            made.writestr(entry, content)
with (
    zipfile.ZipFile("/kit.zip") as plain,
    zipfile.ZipFile("/made/kit.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made,
):
    for entry in plain.infolist():
        ours = entry.filename.startswith(("autograder/", "course/"))
        if ours or SITE + entry.filename not in loaded:
            made.writestr(entry, plain.read(entry))
        else:  # imported from bytecode that stands in the source's place
            code = bytecode(plain.read(entry), SITE + entry.filename, WITHOUT_DOCSTRINGS)
            made.writestr(entry.filename + "c", code)
    for path in sorted(loaded):
        part = path.removeprefix(SITE)
        if path.startswith(SITE) and part.startswith(("autograder/", "course/", "numpy/")):
            made.writestr(*beside(path, part))


def compile_figures():
    """The bytecode of what a first figure loads, and the list of fonts that Matplotlib makes then; to be unpacked in /."""
    from matplotlib import get_cachedir

    import course.draw

    course.draw.panels(2)[0].savefig(os.devnull, format="png", bbox_inches="tight")
    with zipfile.ZipFile("/made/figures.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path in sorted(sources() - loaded):
            if path.startswith(SITE) and "/autograder/live/" not in path:
                made.writestr(*beside(path, path[1:]))
        for name in os.listdir(get_cachedir()):
            if name.startswith("fontlist"):
                made.write(f"{get_cachedir()}/{name}")
