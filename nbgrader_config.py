"""Settings of nbgrader. Plain `nbgrader …` reads them in this folder, and so does `autograder`."""

import os
from pathlib import Path

from autograder.authoring import ANSWER_STUB, STUB

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "cnn-course"
c.CourseDirectory.root = str(Path(__file__).parent / "classroom")
if address := os.environ.get("COURSE_DB_URL"):  # a server's: its password belongs into no file that is shared
    c.CourseDirectory.db_url = address
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", str(Path(__file__).parent / "classroom" / "exchange"))
c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.text_stub = ANSWER_STUB
c.ExecutePreprocessor.timeout = 60
