"""`make bridge-record`: run what chapter 12 asks of other programs, and write down what they say, for pages without them.

The page's own cells run twice, once with PyTorch, once with TensorFlow in an environment of its own. Then TensorBoard
opens the logs that they wrote in a headless browser, and is photographed.
"""

import argparse
import ast
import json
import linecache
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder.files import write_atomically
from autograder.publishing.browser import browser_program
from course import programs

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "chapters" / "12-bridge.md"
TENSORFLOW = Path(os.environ.get("TENSORFLOW_PYTHON") or ROOT / ".venv" / "tensorflow" / "bin" / "python")
"""Python of the environment that `make tensorflow` sets up."""


def cells(page: str) -> list[str]:
    """The code of a page, a string for each cell, without the checks of exercises."""
    header = r"(?:---\n.*?\n---\n|(?::\w+:[^\n]*\n)*)"
    found = re.findall(rf"^```\{{code-cell\}}\n{header}(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [cell for cell in found if "from autograder import check" not in cell]


def recorded_code(page: str) -> dict[str, str]:
    """The code of each function of the page that is recorded, by its name."""
    return {
        node.name: "\n".join(lines[node.decorator_list[0].lineno - 1 : node.end_lineno])
        for cell in cells(page)
        for lines in [cell.splitlines()]
        for node in ast.parse(cell).body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }


def run_page() -> dict[str, Any]:
    """Run the page's cells here; what its recorded functions said, as far as their programs are installed."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.show = lambda: pyplot.close("all")
    programs.recording = {}
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells(PAGE.read_text(encoding="utf-8"))):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)  # TensorFlow reads it
        exec(compile(cell, name, "exec"), names)
    return programs.recording


def record_with(python: Path, backend: str, folder: Path) -> dict[str, Any]:
    """Run the page with another Python and that backend of Keras; logs go to `folder`."""
    out = folder / f"{backend}.json"
    environment = {"KERAS_BACKEND": backend, "BRIDGE_LOGS": str(folder / "logs"), "PYTHONPATH": str(ROOT)}
    environment |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}  # two run side by side
    command = [str(python), "-m", "benchmarks.bridge", "--outputs", str(out)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)
    return json.loads(out.read_text(encoding="utf-8"))


@contextmanager
def tensorboard(logs: Path) -> Iterator[str]:
    """TensorBoard at work; gives its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = next(
                found[0] for line in process.stderr if (found := re.search(r"http://\S+:\d+/", line))
            )
            yield address
        finally:
            process.terminate()


def photograph(logs: Path, folder: Path) -> str:
    """Take the pictures of the page; what was photographed, with versions."""
    from playwright.sync_api import sync_playwright
    from tensorboard import version

    program = browser_program()
    if program is None:
        sys.exit("the pictures of TensorBoard want a browser: install Chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        seen = f"TensorBoard {version.VERSION} in Chromium {browser.version}"
        for name, take in (("scalars", _curves), ("graph", _graph), ("network", _network)):
            page = browser.new_page(viewport={"width": 1100, "height": 620}, device_scale_factor=1.5)
            with tensorboard(logs / LOGS[name]) as address:
                _keep(take(page, address), folder / f"{name}.png")
            page.close()
        browser.close()
    return seen


LOGS = {"scalars": ".", "graph": "graph", "network": "keras"}
"""Below which folder of the logs TensorBoard looks for each picture."""

SETTLED = 6000
"""Milliseconds after which TensorBoard has drawn what was asked for."""


def _curves(page: Any, address: str) -> bytes:
    page.goto(f"{address}?tagFilter=^(loss|validation accuracy)$&runFilter=numpy#timeseries")
    page.wait_for_timeout(SETTLED)
    page.get_by_role("button", name="Settings").last.click()  # which stands open at first
    page.mouse.move(600, 600)
    page.wait_for_timeout(SETTLED / 3)
    return page.screenshot(clip={"x": 0, "y": 0, "width": 1100, "height": 610})


def _graph(page: Any, address: str) -> bytes:
    page.set_viewport_size({"width": 700, "height": 720})
    page.goto(f"{address}#graphs")
    page.wait_for_timeout(SETTLED)
    page.mouse.move(290, 130)
    page.mouse.wheel(0, -250)  # closer
    page.wait_for_timeout(SETTLED / 3)
    return page.screenshot()


def _network(page: Any, address: str) -> bytes:
    page.set_viewport_size({"width": 700, "height": 840})
    page.goto(f"{address}#graphs")
    page.wait_for_timeout(SETTLED)
    page.get_by_text("Conceptual graph").click()
    page.wait_for_timeout(SETTLED)
    page.locator("g.node text").first.dblclick(force=True)  # the whole model, which opens
    page.wait_for_timeout(SETTLED / 3)
    page.get_by_text("Fit to screen").click()
    page.wait_for_timeout(SETTLED / 3)
    page.mouse.click(300, 150)  # beside the graph: nothing is selected then
    page.wait_for_timeout(SETTLED / 3)
    return page.screenshot()


def _keep(picture: bytes, path: Path) -> None:
    """Write a screenshot with 64 colours, which is all that it needs."""
    import io

    from PIL import Image

    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--outputs", type=Path, help="just run the page in this Python; write what it said there"
    )
    given = parser.parse_args()
    if given.outputs:
        given.outputs.write_text(json.dumps(run_page()), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        with ThreadPoolExecutor() as both:
            pythons = (Path(sys.executable), TENSORFLOW)
            first, second = both.map(record_with, pythons, ("torch", "tensorflow"), (folder, folder))
        said = first | second
        pictures = photograph(folder / "logs", programs.PICTURES)
    code = recorded_code(PAGE.read_text(encoding="utf-8"))
    if lacking := code.keys() - said.keys():
        sys.exit(f"nothing was recorded of {', '.join(sorted(lacking))}: a program is missing")
    record = {
        "command": "python -m benchmarks.bridge",
        "date": datetime.now(UTC).date().isoformat(),
        "platform": f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        "pictures": pictures,
        "outputs": {name: {"code": code[name], **said[name]} for name in code},
    }
    write_atomically(programs.RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
