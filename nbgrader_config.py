"""Settings of nbgrader. Plain `nbgrader …` reads them in this folder, and so does `autograder`."""

import os
from pathlib import Path

from autograder.chapters import ANSWER_STUB
from autograder.publishing.authoring import STUB

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "cnn-course"
c.CourseDirectory.root = str(Path(__file__).parent / "classroom")
if address := os.environ.get("COURSE_DB_URL"):  # a server's: its password belongs into no file that is shared
    c.CourseDirectory.db_url = address
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", str(Path(__file__).parent / "classroom" / "exchange"))
c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.text_stub = ANSWER_STUB
c.ExecutePreprocessor.timeout = 60

# Autograde, in formgrader or as `nbgrader autograde`, grades in the jail as `autograder grade` does. Without these two
# lines it runs learners' code with your rights.
c.Autograde.sanitize_preprocessors = ["autograder.grading.pressed.Released"]
c.Autograde.autograde_preprocessors = ["autograder.grading.pressed.GradeInJail"]
c.ExportApp.plugin_class = "autograder.grading.exports.QuotedCsv"  # names with commas

# Files as Canvas and Moodle call them, for `nbgrader zip_collect`: "doejane_LATE_101_202_filters-1.ipynb" is of 101,
# "Jane Doe_303_assignsubmission_file_/filters.ipynb" of "Jane Doe".
# A learner chooses what stands behind Moodle's folder: nothing there may look like another learner's.
c.FileNameCollectorPlugin.named_regexp = (
    r"(?!.*_assignsubmission_file_?/.*_\d+_).*/(?:[^/_]+_(?:LATE_)?(?=\d+_\d+_[^/]*$))?(?P<student_id>[^/_]+)_\d+_(?:assignsubmission_file_?/?)?"
    r"(?P<file_id>[a-z][a-z_]*?)(?:[- ]*\(?\d+\)?)?\.ipynb$"
)
