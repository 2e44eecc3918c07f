"""What the notebooks of the course import: pictures to look at (`datasets`) and helpers that draw (`draw`)."""

import sys
from pathlib import Path

EARLIER = "earlier.zip"
"""Archive beside a released notebook with the kernels of the chapters before, as the package `solutions`."""

# last on the path: whoever has the project itself imports from there
if Path(EARLIER).exists():
    sys.path.append(str(Path(EARLIER).resolve()))
