"""Files that are never half written."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644, lasting: bool = True) -> None:
    """Write a file so that a reader, a crash or a full disk never leaves half of it; what was there stays till then.

    lasting : whether it has to be on the disk when this returns; not needed for what the next run would write again
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with open(descriptor, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode("utf-8"))
            file.flush()
            if lasting:
                os.fsync(descriptor)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
