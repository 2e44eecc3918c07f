"""Where the browser is, for whatever prints, photographs or tests pages in one."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Programs that are looked for; the first that is there wins."""


def browser_program() -> str | None:
    """The path of this machine's browser; None, for which Playwright takes its own, if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
