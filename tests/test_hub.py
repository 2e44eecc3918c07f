"""JupyterHub from end to end: a learner fetches, works, checks and submits, an instructor grades, the learner reads it.

The hub runs as examples/hub/ sets it up, with accounts that stand in a file of the test alone: the hub sees it in place of
the machine's own, by bubblewrap.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
import pytest

from autograder.chapters import ROOT, chapter
from autograder.sample import fill, reference_cell

from .attacks import NO_JAIL
from .conftest import course_files
from .test_grading import wait_for

ENVIRONMENT = Path(os.environ.get("HUB_ENVIRONMENT", ROOT / ".venv" / "hub")).absolute()
USERS = {"teacher": 20101, "ada": 20102, "grace": 20103}
PIXELS = chapter("pixels")
QUESTION = "every-position-once"
ANSWER = "A kernel slides over every position with the same weights."
COMMENT = "Say also that the weights are shared."
LONG = 300_000
"""Milliseconds for what starts a server on a busy machine."""


def missing() -> str:
    """Why no hub can be started here; empty if one can."""
    if NO_JAIL:
        return NO_JAIL
    if os.geteuid() != 0:
        return "only root can start servers under the accounts of others"
    needed = ("bin/jupyterhub", "bin/jupyterhub-singleuser", "node_modules/.bin/configurable-http-proxy")
    if not all((ENVIRONMENT / one).exists() for one in needed):
        return f"no hub in {ENVIRONMENT}: `make hub` installs one, HUB_ENVIRONMENT names another place"
    return "" if shutil.which("node") else "node is missing, in which the hub's proxy runs"


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]


@dataclass
class Hub:
    """A hub that runs, the course of its instructor, and a browser."""

    folder: Path
    url: str
    browser: Any

    @property
    def course(self) -> Path:
        return self.folder / "course"

    @property
    def environment(self) -> dict[str, str]:
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
        return {**keep, "COURSE_FOLDER": str(self.course), "COURSE_EXCHANGE": str(self.folder / "exchange")}

    def among_accounts(self) -> list[str]:
        """The start of a command that sees the test's accounts, and what belongs to root but everybody runs."""
        words = ["bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL"]
        for name in ("passwd", "group"):
            words += ["--ro-bind", str(self.folder / name), f"/etc/{name}"]
        used = [Path(sys.base_prefix), Path(sys.prefix), ENVIRONMENT, ROOT]
        closed = {top for path in used if (top := _closed(path))}
        for top in sorted(closed):
            words += ["--perms", "0755", "--tmpfs", str(top)]
            for path in used:
                if path.is_relative_to(top):
                    between = [one for one in [*path.parents][::-1] if top in one.parents]
                    for one in between:  # bubblewrap would make them for root alone
                        words += ["--perms", "0755", "--dir", str(one)]
                    words += ["--ro-bind", str(path), str(path)]
        return words

    def as_user(self, name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as in a terminal of a user's server."""
        number = str(USERS[name])
        command = [*self.among_accounts(), "setpriv", "--reuid", number, "--regid", number, "--clear-groups"]
        environment = {**self.environment, "HOME": str(self.folder / "home" / name), "COLUMNS": "100"}
        environment["PYTHONPATH"] = str(self.course)
        return subprocess.run(
            [*command, *map(str, words)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=self.course,
            timeout=600,
        )

    def autograder(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.as_user("teacher", sys.executable, "-m", "autograder", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def log_in(self, name: str) -> "Desk":
        """Open a browser of its own, log in, and wait for the user's server."""
        tab = self.browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
        tab.set_default_timeout(LONG)
        tab.goto(f"{self.url}/hub/login")
        tab.fill("#username_input", name)
        tab.fill("#password_input", "any")
        tab.click("#login_submit")
        tab.wait_for_url(f"**/user/{name}/lab**")
        tab.wait_for_load_state("domcontentloaded")
        return Desk(tab, f"{self.url}/user/{name}")


@dataclass
class Desk:
    """A tab of someone who is logged in."""

    tab: Any
    url: str

    def ask(self, path: str, method: str = "GET", data: Any = None) -> Any:
        """What the user's server answers to the page: the same requests as its buttons send."""
        status, text = self.tab.evaluate(
            """async ([url, method, data]) => {
                const token = (document.cookie.match(/(?:^|; )_xsrf=([^;]*)/) || [])[1];
                const headers = {"X-XSRFToken": token, "Content-Type": "application/json"};
                const body = data === null ? undefined : JSON.stringify(data);
                const answer = await fetch(url, {method, headers, body});
                return [answer.status, await answer.text()];
            }""",
            [f"{self.url}/{path}", method, data],
        )
        assert status < 300, (path, status, text[:2000])
        return json.loads(text)

    def post(self, path: str, data: Any = None) -> Any:
        return self.ask(path, "POST", data if data is not None else {})


def _closed(path: Path) -> Path | None:
    """The topmost folder above a path through which others cannot go."""
    return next((top for top in [*path.parents][::-1] if not top.stat().st_mode & 0o001), None)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens at."""
    for first in range(18000, 30000, 10):
        taken = []
        for port in range(first, first + count):
            with socket.socket() as one:
                taken.append(one.connect_ex(("127.0.0.1", port)) == 0)
        if not any(taken):
            return first
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def hub(browser: Any) -> Iterator[Hub]:
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    folder.chmod(0o755)
    first = free_ports(3)
    hub = Hub(folder, f"http://127.0.0.1:{first}", browser)
    for file in course_files():
        (hub.course / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, hub.course / file)
    for name, line in (("passwd", "{0}:x:{1}:{1}::{2}:/bin/bash\n"), ("group", "{0}:x:{1}:\n")):
        own = "".join(line.format(user, number, folder / "home" / user) for user, number in USERS.items())
        (folder / name).write_text(Path("/etc", name).read_text() + own)
    for user, number in USERS.items():
        (folder / "home" / user).mkdir(parents=True)
        os.chown(folder / "home" / user, number, number)
        (folder / "home" / user).chmod(0o700)
    for place, _, files in os.walk(hub.course):
        for one in (place, *(os.path.join(place, file) for file in files)):
            os.chown(one, USERS["teacher"], USERS["teacher"])
    hub.course.chmod(0o700)
    (folder / "exchange").mkdir()
    (folder / "exchange").chmod(0o777)
    (folder / "run").mkdir()
    command = [*hub.among_accounts(), "--unshare-pid", "--proc", "/proc", "--die-with-parent"]
    command += [str(ENVIRONMENT / "bin" / "jupyterhub")]
    command += ["-f", str(ROOT / "examples" / "hub" / "jupyterhub_config.py")]
    own = {"HUB_URL": hub.url, "HUB_PORT": str(first + 1), "HUB_AUTHENTICATOR": "dummy"}
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            command, cwd=folder / "run", env={**hub.environment, **own}, stdout=log, stderr=log
        )

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-4000:]
        try:
            return urlopen(f"{hub.url}/hub/login", timeout=20).status == 200
        except OSError:
            return False

    try:
        wait_for(answers, 240)
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if keep := os.environ.get("HUB_LOG"):
            shutil.copy(folder / "log", keep)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_round_through_the_hub(hub: Hub) -> None:
    hub.autograder("release", "pixels")
    teacher = hub.log_in("teacher")
    assert teacher.post("formgrader/api/assignment/pixels/release")["success"]

    ada = hub.log_in("ada")
    learns(ada)
    works(ada)
    checks(ada)
    handed_in = ada.post("assignments/submit", {"course_id": "cnn-course", "assignment_id": "pixels"})
    assert [one["status"] for one in handed_in["value"]].count("submitted") == 1, handed_in

    assert teacher.post("formgrader/api/assignment/pixels/collect")["success"]
    graded = hub.autograder("grade", "pixels")
    assert "ada" in graded.stdout
    points = grades_by_hand(teacher)
    hub.autograder("report", "pixels")
    released = teacher.post("formgrader/api/assignment/pixels/release_feedback")
    assert released["success"], released

    ada.post("assignments/fetch_feedback", {"course_id": "cnn-course", "assignment_id": "pixels"})
    page = feedback_of(ada)
    assert COMMENT in page and f"{points:g}" in page, "the learner reads points and comment"
    for solution in ("BEGIN SOLUTION", "solutions.pixels"):
        assert solution not in page


def test_a_learner_sees_no_formgrader_and_nothing_of_the_course(hub: Hub) -> None:
    grace = hub.log_in("grace")
    answer = grace.tab.request.get(f"{grace.url}/formgrader/")
    assert answer.status == 404
    listing = hub.as_user("grace", "ls", hub.course)
    assert listing.returncode != 0 and "Permission denied" in listing.stderr
    inside = "import autograder, importlib.util as u; print(u.find_spec('solutions'), autograder.__file__)"
    number = str(USERS["grace"])
    become = ["setpriv", "--reuid", number, "--regid", number, "--clear-groups"]
    command = [*hub.among_accounts(), *become, str(ENVIRONMENT / "bin" / "python"), "-c", inside]
    seen = subprocess.run(command, capture_output=True, text=True, cwd="/", env=hub.environment)
    assert seen.stdout.startswith("None ") and str(ENVIRONMENT) in seen.stdout, seen.stdout + seen.stderr


def learns(ada: Desk) -> None:
    """Find the assignment in the list, and fetch it."""
    courses = ada.ask("courses")
    assert courses["value"] == ["cnn-course"], courses
    listed = ada.ask("assignments?course_id=cnn-course")
    assert [(one["assignment_id"], one["status"]) for one in listed["value"]] == [("pixels", "released")]
    fetched = ada.post("assignments/fetch", {"course_id": "cnn-course", "assignment_id": "pixels"})
    assert [one["status"] for one in fetched["value"]] == ["fetched"], fetched


def works(ada: Desk) -> None:
    """Write every kernel but the last, and the answer."""
    model = ada.ask("api/contents/pixels/pixels.ipynb?content=1")
    notebook = nbformat.from_dict(model["content"])
    kernels = [
        cell.metadata.nbgrader.grade_id.removeprefix("check-")
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check-")
    ]
    write = lambda kernel: None if kernel == kernels[-1] else reference_cell(PIXELS, kernel)
    notebook = fill(notebook, write)
    answers = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == QUESTION]
    answers[0].source = ANSWER
    body = {"type": "notebook", "format": "json", "content": notebook}
    ada.ask("api/contents/pixels/pixels.ipynb", "PUT", json.loads(json.dumps(body)))


def checks(ada: Desk) -> None:
    """Open the notebook in the browser, run all of it, and read what the checks say."""
    tab = ada.tab
    tab.goto(f"{ada.url}/lab/tree/pixels/pixels.ipynb")
    tab.wait_for_selector(".jp-Notebook .jp-Cell")
    tab.wait_for_selector('.jp-NotebookPanel-toolbar [data-status="idle"]', state="attached")
    menu(tab, "Run", "Run All Cells")
    end = time.monotonic() + LONG / 1000
    while True:
        menu(tab, "File", "Save Notebook")
        tab.wait_for_timeout(3000)
        notebook = nbformat.from_dict(ada.ask("api/contents/pixels/pixels.ipynb?content=1")["content"])
        said = [
            "".join(str(part) for output in cell.outputs for part in output.get("data", output).values())
            for cell in notebook.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check-")
        ]
        if all(said):
            break
        assert time.monotonic() < end, said
    assert all("passed" in one for one in said[:-1]) and "not written" in said[-1].lower(), said


def menu(tab: Any, name: str, item: str) -> None:
    tab.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{name}$")).click()
    tab.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def grades_by_hand(teacher: Desk) -> float:
    """Give points and a comment in formgrader; returns the learner's total."""
    tab = teacher.tab
    tab.goto(f"{teacher.url}/formgrader/manage_submissions/pixels")
    tab.get_by_text("ada", exact=True).first.wait_for()
    (notebook,) = teacher.ask("formgrader/api/submitted_notebooks/pixels/pixels")
    before = notebook["score"]
    tab.goto(f"{teacher.url}/formgrader/submissions/{notebook['id']}")
    tab.wait_for_load_state("networkidle")
    assert ANSWER in tab.inner_text("body")
    tab.fill(f"input#{QUESTION}", "1.5")
    tab.press(f"input#{QUESTION}", "Tab")
    tab.fill(f"textarea#{QUESTION}-comment", COMMENT)
    tab.press(f"textarea#{QUESTION}-comment", "Tab")
    if place := os.environ.get("HUB_SHOTS"):
        tab.screenshot(path=f"{place}/formgrader.png")

    def saved() -> bool:
        (now,) = teacher.ask("formgrader/api/submitted_notebooks/pixels/pixels")
        said = teacher.ask(f"formgrader/api/comments?submission_id={notebook['id']}")
        return now["score"] == before + 1.5 and any(one["manual_comment"] == COMMENT for one in said)

    wait_for(saved, 120)
    return before + 1.5


def feedback_of(ada: Desk) -> str:
    """The page that came back, as the learner opens it in the browser."""
    folder = ada.ask("api/contents/pixels/feedback?content=1")["content"][0]["path"]
    (page,) = (
        one for one in ada.ask(f"api/contents/{folder}?content=1")["content"] if one["name"] == "pixels.html"
    )
    tab = ada.tab
    tab.goto(f"{ada.url}/files/{page['path']}")
    if place := os.environ.get("HUB_SHOTS"):
        tab.screenshot(path=f"{place}/feedback.png")
    return tab.inner_text("body")
