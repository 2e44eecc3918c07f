"""A hub for one course on one machine. As root: `jupyterhub -f examples/hub/jupyterhub_config.py`; see TEACHING.md.

Users are the machine's own, each with a server under their own account, since nbgrader knows a learner by the account that
owns a file. What differs from place to place is read from the environment, so that this file need not be edited.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub provides it)

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
COURSE = os.environ.get("COURSE_FOLDER", str(HERE.parents[1]))
"""The project, which only instructors may be able to read: it holds solutions and the gradebook."""
EXCHANGE = os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange")
"""Where nbgrader passes files on; everybody must be able to write there (mode 777)."""
INSTRUCTORS = set(os.environ.get("COURSE_INSTRUCTORS", "teacher").split(","))

c.JupyterHub.bind_url = os.environ.get(
    "HUB_URL", "http://127.0.0.1:8000"
)  # put a web server with TLS before it
c.JupyterHub.authenticator_class = os.environ.get("HUB_AUTHENTICATOR", "pam")  # those with an account here
c.Authenticator.allow_all = True
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.command = str(BIN.parent / "node_modules" / ".bin" / "configurable-http-proxy")
if (
    "HUB_PORT" in os.environ
):  # the hub's and the proxy's own, where others on this machine have the usual ones
    c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{int(os.environ['HUB_PORT']) + 1}"

c.Spawner.cmd = [str(BIN / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.Spawner.environment = {"COURSE_EXCHANGE": EXCHANGE}


def prepare(spawner) -> None:
    """Give instructors the course and formgrader, and learners the list of assignments."""
    if spawner.user.name in INSTRUCTORS:
        # the folder's nbgrader_config.py is read first, and needs the project's own modules
        spawner.environment |= {"JUPYTER_CONFIG_PATH": COURSE, "PYTHONPATH": COURSE}
        if "COURSE_DB_URL" in os.environ:
            spawner.environment["COURSE_DB_URL"] = os.environ["COURSE_DB_URL"]
        spawner.notebook_dir = COURSE
    else:
        spawner.environment["JUPYTER_CONFIG_PATH"] = str(HERE / "learners")


c.Spawner.pre_spawn_hook = prepare
