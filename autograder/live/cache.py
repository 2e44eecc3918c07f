"""Where the live page keeps what it fetches or makes once: outside the build, so that the next one has it."""

import hashlib
from pathlib import Path

import pooch


def cache() -> Path:
    """The folder, in the user's own cache."""
    return Path(pooch.os_cache("cnn-course")) / "live"


def digest(*contents: bytes) -> str:
    """A short name for these contents: what is made of them is kept under it, and browsers see that it changed."""
    number = hashlib.sha256()
    for content in contents:
        number.update(hashlib.sha256(content).digest())
    return number.hexdigest()[:16]
