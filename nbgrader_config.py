"""Settings of nbgrader. Plain `nbgrader …` reads them in this folder, and so does `autograder`."""

from pathlib import Path

from autograder.authoring import ANSWER_STUB, STUB

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "cnn-course"
c.CourseDirectory.root = str(Path(__file__).parent / "classroom")
c.Exchange.root = str(Path(__file__).parent / "classroom" / "exchange")
c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.text_stub = ANSWER_STUB
c.ExecutePreprocessor.timeout = 60

# Autograde, in formgrader or as `nbgrader autograde`, grades in the jail as `autograder grade` does. Without these two
# lines it runs learners' code with your rights.
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = ["autograder.pressed.GradeInJail"]
c.ExportApp.plugin_class = "autograder.exports.QuotedCsv"  # names with commas
