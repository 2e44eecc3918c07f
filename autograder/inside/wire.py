"""The wire between referee and worker: length-prefixed frames of JSON and npy, never pickle.

A frame is 4 bytes of length (big-endian, unsigned) and that many bytes of body. A body is 4 bytes of length and a
JSON text, then the arrays that the JSON names by number, each as 4 bytes of length and an npy file. Whoever reads
trusts nothing: lengths, dtypes, axes and nesting are capped, and any breach is a WireError.
"""

import io
import json
import math
import re
import struct
from typing import Any

import numpy as np

from .calling import KINDS, Opaque, Outcome, is_hollow
from .functions import FUNCTIONS, Known, Seeded

MAX_FRAME = 64 * 2**20
"""Bytes of the longest frame that is read or written."""

MAX_ANSWER = 4 * 2**20
"""Bytes of the longest answer of a worker: only a result of chapter 9's race needs more than a hundredth of it."""

MAX_TEXT = 8 * 2**20
"""Bytes of the longest JSON text in a frame: decoded, a text can take twenty times its size."""

MAX_ARRAYS = 1000
"""Arrays in one frame."""


READY, BROKEN = b"+", b"-"
"""What a forked worker's wire begins with: its walls stand, or a text follows that says what is missing."""


class WireError(Exception):
    """The other side sent something that is not a frame, or one over the caps."""


def pack(message: dict[str, Any], limit: int = MAX_FRAME) -> bytes:
    """Encode a message of at most `limit` bytes; arrays, tuples, Opaque and Outcome may stand anywhere inside."""
    arrays: list[bytes] = []

    def encode(value: Any) -> Any:
        match value:
            case np.ndarray():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, value, allow_pickle=False)
                arrays.append(buffer.getvalue())
                return {"~": "array", "at": len(arrays) - 1}
            case tuple():
                return {"~": "tuple", "of": [encode(item) for item in value]}
            case list():
                return [encode(item) for item in value]
            case dict():
                return {str(key): encode(item) for key, item in value.items()}
            case float() if not math.isfinite(value):
                return {"~": "float", "is": repr(value)}
            case Opaque():
                return {"~": "opaque", "type": value.type_name}
            case Known():
                return {"~": "function", "name": value.name}
            case Seeded():
                return {"~": "random", "seed": value.seed}
            case Outcome():
                return {"~": "outcome", "fields": encode(vars(value))}
            case _:
                return value

    text = json.dumps(encode(message)).encode()
    if len(text) > MAX_TEXT or len(arrays) > MAX_ARRAYS:
        raise WireError(f"a message of {len(text)} bytes and {len(arrays)} arrays is over the limit")
    body = (
        struct.pack(">I", len(text)) + text + b"".join(struct.pack(">I", len(part)) + part for part in arrays)
    )
    if len(body) > limit:
        raise WireError(f"a frame of {len(body)} bytes is over the limit of {limit}")
    return struct.pack(">I", len(body)) + body


def unpack(body: bytes) -> dict[str, Any]:
    """Decode the body of a frame (without its length prefix) into plain values."""
    try:
        parts = _parts(body)
        tree = json.loads(str(parts[0], "utf-8"))
        arrays = [_array(part) for part in parts[1:]]
        message = _decode(tree, arrays, 0)
    except WireError:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        RecursionError,
        MemoryError,
        OverflowError,
        EOFError,
    ) as error:
        raise WireError(f"not a frame: {type(error).__name__}") from None
    if type(message) is not dict:
        raise WireError("not a message")
    return message


def _parts(body: bytes) -> list[memoryview]:
    rest = memoryview(body)
    parts: list[memoryview] = []
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            raise WireError("a part is longer than its frame")
        if len(parts) > MAX_ARRAYS:
            raise WireError("too many arrays")
        parts.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    if not parts:
        raise WireError("an empty frame")
    if len(parts[0]) > MAX_TEXT:
        raise WireError(f"a text of {len(parts[0])} bytes is over the limit of {MAX_TEXT}")
    return parts


_NPY = re.compile(
    rb"\x93NUMPY\x01\x00.."
    rb"\{'descr': '([<>|][biuf]\d{1,2})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?)\), \} *\n",
    re.DOTALL,
)
"""All of the npy format that an honest sender uses. NumPy's own reader makes room for whatever size a header claims."""


def _array(part: memoryview) -> np.ndarray:
    header = _NPY.match(part[:300])
    if not header:
        raise WireError("not an array of numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(size) for size in header[3].replace(b",", b" ").split())
    data = part[header.end() :]
    if dtype.kind not in KINDS or len(shape) > 8 or math.prod(shape) * dtype.itemsize != len(data):
        raise WireError(f"an array of dtype {dtype} with {len(shape)} axes in {len(data)} bytes")
    if is_hollow(shape):
        raise WireError(f"an array of shape {shape} that holds no value")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if header[2] == b"True" else "C")
    # A bool may only be 0 or 1: any other byte makes NumPy contradict itself.
    return np.asarray(array.view(np.uint8) != 0) if dtype.kind == "b" else array.copy()


def clean(text: Any, limit: int) -> str:
    """Text from the other side, clipped, without what a terminal, a database or UTF-8 could stumble over."""
    kept = str(text)[:limit].encode("utf-8", "replace").decode()
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in kept
    )


def _text(text: str) -> str:
    """A text without half characters, which no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _decode(tree: Any, arrays: list[np.ndarray], depth: int) -> Any:
    if depth > 12:
        raise WireError("nested too deeply")
    if isinstance(tree, list):
        return [_decode(item, arrays, depth + 1) for item in tree]
    if isinstance(tree, int) and not -(2**63) <= tree < 2**64:
        raise WireError("an int of more than 64 bits")
    if isinstance(tree, str):
        return _text(tree)
    if not isinstance(tree, dict):
        return tree
    match tree.get("~"):
        case None:
            return {_text(key): _decode(item, arrays, depth + 1) for key, item in tree.items()}
        case "array" if type(tree["at"]) is int and tree["at"] >= 0:
            return arrays[tree["at"]]
        case "tuple":
            return tuple(_decode(item, arrays, depth + 1) for item in tree["of"])
        case "float" if tree["is"] in ("nan", "inf", "-inf"):
            return float(tree["is"])
        case "opaque":
            return Opaque(clean(tree["type"], 200))
        case "function" if tree["name"] in FUNCTIONS:
            return Known(tree["name"])
        case "random" if type(tree["seed"]) is int and tree["seed"] >= 0:
            return Seeded(tree["seed"])
        case "outcome":
            fields = _decode(tree["fields"], arrays, depth + 1)
            return Outcome(
                value=fields["value"],
                error=clean(fields["error"], 100),
                message=clean(fields["message"], 2000),
                after=tuple(fields["after"]),
                stale=bool(fields["stale"]),
                warning=clean(fields["warning"], 300),
                where=clean(fields["where"], 500),
            )
        case other:
            raise WireError(f"unknown kind {str(other)[:40]!r}")
