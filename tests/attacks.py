"""Hostile, broken and odd submissions, with the verdict that each must get.

Every row attacks `relu` of the chapter filters; a correct `correlate2d` stands behind it and must keep full points.
`@ROOT@` in a cell stands for the course's folder, `@OPEN@` for a folder and `@PORT@` for a TCP port of this machine
that anyone may use, `@NAME@` for an abstract socket: what is reachable from outside the jail.
"""

import os
import textwrap
from dataclasses import dataclass, field

from autograder.jail.session import JailMissing, require_jail
from autograder.results import (
    CRASHED,
    MEMORY_LIMIT,
    NOT_WRITTEN,
    OUTPUT_LIMIT,
    PASSED,
    RAISED,
    TIME_LIMIT,
    WRONG,
)

try:
    require_jail()
    NO_JAIL = ""
except JailMissing as missing:
    if "CI" in os.environ:
        raise
    NO_JAIL = str(missing)
"""Why the tests of the jail are skipped here; where all tests must run, a missing jail is an error."""

RIGHT = """
import numpy as np
def relu(x):
    return np.maximum(x, 0)
"""

BYSTANDER = """
import numpy as np
def correlate2d(image, kernel):
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if height < 1 or width < 1:
        raise ValueError("the kernel does not fit")
    result = np.zeros((height, width), dtype=(image[:1, :1] * kernel[:1, :1]).dtype)
    for i in range(height):
        for j in range(width):
            result[i, j] = (image[i:i + kernel.shape[0], j:j + kernel.shape[1]] * kernel).sum()
    return result
"""


@dataclass(frozen=True)
class Attack:
    """A submission and what must come of it.

    name : what it does
    source : the cell of `relu`
    verdict : of relu
    score : "none", "part" or "full" of relu's points
    says : a piece of text that relu's failure or the submission's remarks must hold
    extra : cells before that of relu, named "cell 1" and so on
    cheats_unjailed : the same cells get full points without the jail: the proof that it is the jail that stops them
    cheats_in_process : a grader that calls relu and compares in the same process takes it for right
    limits : other than usual
    """

    name: str
    source: str
    verdict: str | tuple[str, ...]
    score: str = "none"
    says: str = ""
    extra: tuple[str, ...] = ()
    cheats_unjailed: bool = False
    cheats_in_process: bool = False
    limits: dict[str, float] = field(default_factory=dict)


def _cheat(probe: str) -> str:
    """A relu that is right only if `probe`, the body of a function, returns something true."""
    body = textwrap.indent(textwrap.dedent(probe).strip(), "    ")
    return f"""
import numpy as np
def probe():
{body}
reached = None
def relu(x):
    global reached
    if reached is None:
        reached = bool(probe())
    return np.maximum(x, 0) if reached else x - 100
"""


def _in_relu(body: str) -> str:
    """A relu of that body."""
    return (
        "import numpy as np\ndef relu(x):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
    )


QUICK = {"call_seconds": 0.7, "cell_seconds": 0.7}

DECEIVES = [
    Attack(
        "prints a score and calls the display hook",
        _in_relu("""
            import sys
            sys.displayhook(5.0)
            print(5.0)
            return x
        """),
        WRONG,
    ),
    Attack(
        "strips assertions with an AST transformer",
        """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
get_ipython().input_transformers_post.append(lambda lines: [l for l in lines if "assert" not in l])
def relu(x):
    return x
""",
        WRONG,
    ),
    Attack(
        "returns an object that equals everything",
        """
class Yes:
    __array_priority__ = 1e9
    shape, dtype, ndim, size = (3,), float, 1, 3
    def __eq__(self, other): return self
    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __sub__ = __rsub__ = __abs__ = __eq__
    def __bool__(self): return True
    def all(self, *args, **options): return True
    any = all
    def __array_function__(self, *args): return True
    def __array_ufunc__(self, *args, **options): return True
    __hash__ = None
def relu(x):
    return Yes()
""",
        WRONG,
        says="not a plain array",
        cheats_in_process=True,
    ),
    Attack(
        "returns an array of a kind that equals everything",
        """
import numpy as np
class Yes(np.ndarray):
    def __eq__(self, other): return np.ones(3, bool)
    def __array_function__(self, *args): return True
    def __array_ufunc__(self, *args, **options): return True
def relu(x):
    return x.view(Yes)
""",
        WRONG,
        says="not a plain array",
        cheats_in_process=True,
    ),
    Attack(
        "patches numpy.testing, numpy.allclose, pytest and builtins",
        """
import builtins, sys
import numpy as np
agree = lambda *args, **options: True
for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, agree)
np.allclose = np.array_equal = np.array_equiv = agree
np.isclose = lambda one, other, **options: np.ones(np.shape(other), bool)
try:
    import pytest
    pytest.fail = pytest.skip = agree
except ImportError:
    pass
builtins.AssertionError = type("Nothing", (Exception,), {})
def relu(x):
    return x
""",
        WRONG,
        cheats_in_process=True,
    ),
    Attack(
        "looks for expected values in frames and in all objects",
        """
import gc, sys
import numpy as np
def arrays():
    frame = sys._getframe(2)
    while frame:
        yield from list(frame.f_locals.values()) + list(frame.f_globals.values())
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) is dict:
            yield from list(thing.values())
        if type(thing) in (list, tuple):
            yield from thing
def relu(x):
    for found in arrays():
        if type(found) is np.ndarray and found.shape == x.shape and np.array_equal(found, (x > 0) * x, equal_nan=True):
            return found
    return x - 100
""",
        WRONG,
        cheats_in_process=True,
    ),
    Attack(
        "stores the public examples",
        """
import numpy as np
known = {(-2.0, -0.5, 0.0, 0.5, 7.25): [0.0, 0.0, 0.0, 0.5, 7.25]}
def relu(x):
    return np.array(known.get(tuple(x.ravel()), x))
""",
        WRONG,
        score="none",
    ),
    Attack(
        "answers from a cache by shape",
        """
import numpy as np
cache = {}
def relu(x):
    return cache.setdefault((x.shape, x.dtype), np.maximum(x, 0)).copy()
""",
        WRONG,
        score="part",
    ),
    Attack(
        "answers another way each time",
        _in_relu("return x + np.random.random()"),
        WRONG,
        says="two different",
    ),
    Attack(
        "changes its input", _in_relu("x[x < 0] = 0\nreturn x.copy()"), WRONG, "part", "changes its input"
    ),
    Attack(
        "returns one array again and again",
        """
import numpy as np
kept = {}
def relu(x):
    place = kept.setdefault("place", np.zeros(100_000))[:x.size].reshape(x.shape).astype(x.dtype, copy=False)
    return np.maximum(x, 0, out=place)
""",
        WRONG,
        score="part",
        says="an array that your function returned earlier has changed",
    ),
    Attack(
        "has its worker hide that it changes its input, uses one array for all results, and warns",
        """
import numpy as np
from inside import calling
place = np.zeros(100_000)
honest = calling.plain
calling._after = lambda args, given: tuple(map(honest, args))
calling._arrays = lambda result: iter(())
calling.describe_error = lambda *_: ""
calling.warnings.simplefilter = lambda *_: None
def relu(x):
    kept = x.copy()
    x[...] = np.log(-1.0 - x * 0)
    return np.maximum(kept, 0, out=place[:x.size].reshape(x.shape).astype(x.dtype, copy=False))
""",
        PASSED,
        "full",  # as much as the same kernel with copies would get: no wrong value is among what can be hidden
    ),
    Attack(
        "has its worker send the right answer for another question",
        """
import numpy as np
from inside import calling
def relu(x):
    return x
asked = calling.Caller.__call__
def answer(self, args):
    outcome = asked(self, args)
    return calling.Outcome(np.zeros((2, 2)), after=args) if self.function is relu else outcome
calling.Caller.__call__ = answer
""",
        WRONG,
    ),
    Attack(
        "replaces a function of NumPy for later cells",
        RIGHT,
        WRONG,
        extra=("import numpy as np\nnp.maximum = lambda *args: np.full(3, 7.0)",),
    ),
]

REACHES = [
    Attack(
        "reads the reference's source",
        _cheat("return open('@ROOT@/solutions/filters.py').read()"),
        RAISED,
        says="FileNotFoundError",
        cheats_unjailed=True,
    ),
    Attack(
        "imports the reference",
        "import sys\nsys.path.insert(0, '@ROOT@')\nfrom solutions.filters import relu",
        RAISED,
        says="ModuleNotFoundError",
        cheats_unjailed=True,
    ),
    Attack(
        "looks for the checks, the mistakes and the gradebook",
        _cheat("""
            import os, sys
            return any(
                os.path.exists(os.path.join(place, name))
                for place in [*sys.path, '@ROOT@', '@ROOT@/autograder', '/jail/autograder']
                for name in ('checks', 'mistakes', 'classroom', 'solutions', 'gradebook.db')
            )
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "walks through all folders",
        _cheat("""
            import itertools, os
            for place, folders, files in itertools.chain(*map(os.walk, ["@OPEN@", "@ROOT@", "/"])):
                # What is installed is there to be seen, and takes long to walk through.
                folders[:] = {*folders} - {"usr", "proc", "sys", "lib"}
                if {"02-filters.md", "test_filters.py", "gradebook.db", "submission.txt"} & {*files}:
                    return True
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "reads another submission",
        _cheat("return open('@OPEN@/submission.txt').read()"),
        RAISED,
        says="FileNotFoundError",
        cheats_unjailed=True,
    ),
    Attack(
        "reads the environment of other processes",
        _cheat("""
            import glob
            found = b""
            for path in glob.glob("/proc/[0-9]*/environ"):
                try:
                    found += open(path, "rb").read()
                except OSError:
                    pass
            return b"GRADER_SECRET" in found
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "reads the command lines of other processes",
        _cheat("""
            import glob
            lines = [open(path).read() for path in glob.glob("/proc/[0-9]*/cmdline")]
            return any("@ROOT@/solutions" in line or "pytest" in line for line in lines)
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "writes beside the submissions",
        _cheat("open('@OPEN@/written.txt', 'w').write('here')\nreturn True"),
        RAISED,
        says="No such file",
        cheats_unjailed=True,
    ),
    Attack(
        "writes wherever a folder lets it",
        _cheat("""
            import os
            places = []
            for top in ("/", "/jail", "/usr/lib", "/usr/local", "/dev", "/proc", "/etc", "/root", "@ROOT@", "@OPEN@"):
                path = os.path.join(top, "autograder-was-here")
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                    os.remove(path)
                    places.append(top)
                except OSError:
                    pass
            return places
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "connects over TCP",
        _cheat("import socket\nreturn socket.create_connection(('127.0.0.1', @PORT@), 2)"),
        RAISED,
        says="PermissionError",
        cheats_unjailed=True,
    ),
    Attack(
        "sends over UDP",
        _cheat("""
            import socket
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))
        """),
        RAISED,
        says="PermissionError",
        cheats_unjailed=True,
    ),
    Attack(
        "connects to an abstract socket",
        _cheat("""
            import socket
            there = socket.socket(socket.AF_UNIX)
            there.connect("\\0@NAME@")
            return True
        """),
        RAISED,
        says="PermissionError",
        cheats_unjailed=True,
    ),
    Attack(
        "sends to an abstract socket from one half of a pair",
        _cheat("""
            import socket
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            return ours.sendto(b"x", "\\0@NAME@-datagrams")
        """),
        RAISED,
        says="ConnectionRefusedError",
        cheats_unjailed=True,
    ),
    Attack(
        "opens a VM socket",
        _cheat("import socket\nreturn socket.socket(socket.AF_VSOCK)"),
        RAISED,
        says="PermissionError",
    ),
    Attack(
        "resolves a name",
        _cheat("import socket\nreturn socket.getaddrinfo('example.org', 80)"),
        RAISED,
        says="gaierror",
    ),
    Attack(
        "traces, mounts, leaves its namespaces, uses keyrings and rings",
        _cheat("""
            import ctypes, platform
            libc = ctypes.CDLL(None, use_errno=True)
            new_user, new_mounts, trace_me = 0x10000000, 0x20000, 0
            tries = [
                lambda: libc.ptrace(trace_me, 0, 0, 0),
                lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
                lambda: libc.unshare(new_user),
                lambda: libc.unshare(new_mounts),
                lambda: libc.chroot(b"/tmp"),
                lambda: libc.setuid(0) or libc.getuid() or 1,
                lambda: libc.personality(0x0040000),
            ]
            return any(one() == 0 for one in tries)
        """),
        WRONG,
        cheats_unjailed=True,
    ),
    Attack(
        "calls the kernel as a program of another architecture",
        """
import ctypes
def relu(x):
    ctypes.CDLL(None).syscall(0x40000000 + 39)
    return x
""",
        CRASHED,
        says="SIGSYS",
    ),
    Attack(
        "kills every process it can see",
        "import os, signal\ndef relu(x):\n    os.kill(-1, signal.SIGKILL)\n    return x",
        RAISED,
        says="No such process",
    ),
]

FORGED = {
    "a frame of 4 GB": r"b'\xff\xff\xff\xff' + bytes(100)",
    "a frame that ends early": r"b'\0\0\0\x40' + b'{}'",
    "an empty frame": r"b'\0\0\0\0'",
    "a frame of noise": r"b'\0\0\x01\0' + bytes(range(256))",
    "a pickle": r"frame(__import__('pickle').dumps(print))",
    "JSON that is nested too deeply": r"frame(text(b'[' * 100_000))",
    "a number of a million digits": r"frame(text(b'{\"id\": ' + b'1' * 1_000_000 + b'}'))",
    "an answer that nobody asked for": r"frame(text(b'{\"id\": 10000}'))",
    "an array of objects": r"answer(npy('|O', '(3,)', bytes(24)))",
    "an array of a size that it does not have": r"answer(npy('<f8', '(10000000000,)', b''))",
    "an array of negative size": r"answer(npy('<f8', '(-1,)', b''))",
    "an array of 22 million rows without a value": r"answer(npy('<f8', '(22000000, 0)', b''))",
    "an array with a million axes": r"answer(npy('<f8', '(' + '1,' * 1_000_000 + ')', bytes(8)))",
    "an array whose shape is not a number": r"answer(npy('<f8', '(nan,)', bytes(8)))",
    "an array whose header runs code": r"answer(npy('<f8', '(__import__(\"os\")._exit(1),)', bytes(8)))",
    "an answer to an array of questions": r"frame(text(b'{\"id\": {\"~\": \"array\", \"at\": 0}}') + text(npy('<f8', '(2,)', bytes(16))))",
    "an array that stands nowhere": r"answer(b'')",
}
"""What a relu may write on the wire itself, as Python expressions."""

FORGES = [
    Attack(
        f"forges {name}",
        f"""
import json, os, struct
def frame(body): return struct.pack(">I", len(body)) + body
def text(part): return struct.pack(">I", len(part)) + part
def npy(kind, shape, data):
    header = ("{{'descr': '" + kind + "', 'fortran_order': False, 'shape': " + shape + ", }}\\n").encode()
    return b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(header) % 65536) + header + data
def answer(array):
    outcome = {{"value": {{"~": "array", "at": 0}}, "error": "", "message": "", "after": [], "stale": False}}
    message = {{"id": 1, "outcome": {{"~": "outcome", "fields": outcome}}}}
    return frame(text(json.dumps(message).encode()) + (text(array) if array else b""))
def relu(x):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, {expression})
        except OSError:
            pass
    os._exit(0)
""",
        CRASHED,
        says="crashed",
    )
    for name, expression in FORGED.items()
]

RETURNS = [
    Attack("returns a list", _in_relu("return np.maximum(x, 0).tolist()"), WRONG, says="list"),
    Attack(
        "returns a masked array",
        _in_relu("return np.ma.masked_less(np.maximum(x, 0), -1)"),
        WRONG,
        says="MaskedArray",
    ),
    Attack(
        "returns a matrix", _in_relu("return np.asmatrix(np.maximum(x, 0).ravel())"), WRONG, says="matrix"
    ),
    Attack("returns complex numbers", _in_relu("return np.maximum(x, 0) + 0j"), WRONG, says="complex"),
    Attack("returns objects", _in_relu("return np.maximum(x, 0).astype(object)"), WRONG, says="dtype object"),
    Attack("returns text", _in_relu("return np.maximum(x, 0).astype(str)"), WRONG, says="dtype <U"),
    Attack("returns float16", _in_relu("return np.maximum(x, 0).astype(np.float16)"), WRONG, score="part"),
    Attack("returns a 0-d array", _in_relu("return np.array(1.0)"), WRONG, says="a single number"),
    Attack("returns a whole number of 5000 digits", _in_relu("return 10 ** 5000"), WRONG, says="64 bits"),
    Attack("returns nothing", _in_relu("np.maximum(x, 0)"), WRONG, says="None"),
    Attack("returns a list that holds itself", _in_relu("y = []\ny.append(y)\nreturn y"), WRONG),
    Attack("returns 60 axes", _in_relu("return np.zeros((1,) * 60)"), WRONG, says="60 axes"),
    Attack("returns a million axes", _in_relu("return np.zeros((1,) * 1_000_000)"), RAISED, says="dimension"),
    *(
        Attack(f"returns {what} without a value", _in_relu(f"return {made}"), WRONG, says="holds no value")
        for what, made in {
            "22 million rows": "np.zeros((22 * 10**6, 0))",
            "100 million rows": "np.zeros((10**8, 0))",
            "as many rows as a number can count": "np.zeros((0, 2**59))",
            "millions of rows along eight axes": "np.zeros((10, 10, 10, 10, 10, 10, 10, 0))",
            "a view of 22 million rows": "np.broadcast_to(np.zeros(0), (22 * 10**6, 0))",
        }.items()
    ),
    Attack(
        "returns sixty arrays of a million rows without a value",
        _in_relu("return [np.zeros((2**20, 0)) for _ in range(60)]"),
        WRONG,
    ),
    Attack("returns 10 GB", _in_relu("return np.ones(10 * 2**27)"), MEMORY_LIMIT, says="1.5 GiB"),
    Attack(
        "returns a view that claims 80 GB",
        _in_relu("return np.broadcast_to(np.float64(0), 10**10)"),
        MEMORY_LIMIT,
    ),
    Attack("returns 80 MB", _in_relu("return np.ones(10**7)"), OUTPUT_LIMIT, says="4 MiB for a result"),
    Attack(
        "returns 16 million nested numbers",
        _in_relu("y = [1]\nfor _ in range(4):\n    y = [y] * 64\nreturn y"),
        OUTPUT_LIMIT,
    ),
]

DIES = [
    Attack("calls sys.exit", _in_relu("import sys\nsys.exit()"), RAISED, says="SystemExit"),
    Attack("calls os._exit", _in_relu("import os\nos._exit(0)"), CRASHED, says="exit code 0"),
    Attack("kills its group", _in_relu("import os\nos.kill(0, 9)"), CRASHED, says="SIGKILL"),
    Attack("reads from address 0", _in_relu("import ctypes\nctypes.string_at(0)"), CRASHED, says="SIGSEGV"),
    Attack("aborts", _in_relu("import os\nos.abort()"), CRASHED, says="SIGABRT"),
    Attack("closes all descriptors", _in_relu("import os\nos.closerange(0, 200)\nreturn x"), CRASHED),
    Attack("raises KeyboardInterrupt", _in_relu("raise KeyboardInterrupt"), RAISED, says="KeyboardInterrupt"),
    Attack(
        "raises an error whose text raises",
        "class Odd(Exception):\n    def __str__(self): raise self\ndef relu(x): raise Odd",
        RAISED,
        says="Odd",
    ),
    Attack(
        "raises an error whose text takes for ever",
        "class Odd(Exception):\n    def __str__(self):\n        while True: pass\ndef relu(x): raise Odd",
        TIME_LIMIT,
        limits=QUICK,
    ),
    Attack("raises an error of 100 MB", _in_relu("raise ValueError('x' * 10**8)"), RAISED, says="xxx"),
    Attack(
        "raises an error of odd characters",
        _in_relu("raise ValueError(chr(0xD800) + chr(27) + '[31m' + chr(0) + '<script>')"),
        RAISED,
        says="<script>",
    ),
    Attack("calls itself for ever", "def relu(x):\n    return relu(x)", RAISED, says="RecursionError"),
    Attack(
        "dies in its cell",
        "import os\nos._exit(1)",
        CRASHED,
        says="the cell of relu crashed: it ended its own process, with exit code 1",
    ),
    Attack(
        "dies in another cell", RIGHT, PASSED, "full", says="cell 1 crashed", extra=("import os; os.abort()",)
    ),
    Attack("is not Python", "def relu(x)\n    return x", RAISED, says="SyntaxError: expected ':' (line 1)"),
    Attack("nests too deeply to compile", "relu = " + "(" * 5000 + ")" * 5000, RAISED, says="SyntaxError"),
    Attack("is not written", "def relu(x):\n    raise NotImplementedError", NOT_WRITTEN),
    Attack("is not there", "", NOT_WRITTEN),
    Attack("is not a function", "relu = 7", RAISED, says="not callable"),
]

USES_UP = [
    Attack("loops for ever", _in_relu("while True: pass"), TIME_LIMIT, says="0.7 s", limits=QUICK),
    Attack(
        "loops for ever and swallows what would stop it",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def relu(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
""",
        TIME_LIMIT,
        limits=QUICK,
    ),
    Attack("sleeps for ever", _in_relu("import time\ntime.sleep(10**6)"), TIME_LIMIT, limits=QUICK),
    Attack(
        "multiplies huge matrices",
        _in_relu("a = np.ones((6000, 6000))\nreturn a @ a @ a @ a"),
        TIME_LIMIT,
        limits=QUICK,
    ),
    Attack(
        "spends its time in its cell", "while True: pass", TIME_LIMIT, says="the cell of relu", limits=QUICK
    ),
    Attack(
        "spends its time in another cell",
        RIGHT,
        PASSED,
        "full",
        says="cell 1 was stopped: time limit (0.7 s)",
        extra=("import time\ntime.sleep(10**6)",),
        limits=QUICK,
    ),
    Attack("prints without end", _in_relu("while True: print('x' * 1000)"), OUTPUT_LIMIT, says="1 MiB"),
    Attack("prints 100 MB on one line", _in_relu("print('x' * 10**8)"), OUTPUT_LIMIT),
    Attack(
        "prints without end to standard error",
        _in_relu("import sys\nwhile True: sys.stderr.write('x' * 1000)"),
        OUTPUT_LIMIT,
    ),
    Attack(
        "displays a million objects",
        RIGHT,
        PASSED,
        "full",
        says="cell 1 was stopped: output limit",
        extra=("for i in range(10**6): display(i)",),
    ),
    Attack(
        "writes without end past Python",
        _in_relu("import os\nwhile True: os.write(1, b'x' * 10**6)"),
        TIME_LIMIT,
        limits=QUICK,
    ),
    Attack("lets a program print without end", RIGHT, PASSED, "full", says="output limit", extra=("!yes",)),
    Attack(
        "draws a huge figure",
        RIGHT,
        PASSED,
        "full",
        extra=("import matplotlib.pyplot as plt\nplt.figure(figsize=(1e5, 1e5))\nplt.savefig('huge.png')",),
        says="cell 1 raised",
    ),
    Attack(
        "takes all memory, piece by piece",
        _in_relu("kept = []\nwhile True: kept.append(np.ones(10**7))"),
        MEMORY_LIMIT,
        says="512 MiB",
        limits={"memory_bytes": 2**29},
    ),
    Attack(
        "takes all memory in many processes",
        _in_relu("""
            import os, time
            for _ in range(6):
                if os.fork() == 0:
                    kept = np.ones(20 * 2**20)
                    time.sleep(100)
            time.sleep(100)
        """),
        MEMORY_LIMIT,
        says="512 MiB",
        limits={"memory_bytes": 2**29},
    ),
    Attack(
        "forks until it fails",
        _in_relu("import os\nwhile True: os.fork()"),
        (RAISED, CRASHED),
        says="BlockingIOError",
    ),
    Attack(
        "forks for ever",
        _in_relu("""
            import os
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        """),
        TIME_LIMIT,
        limits=QUICK,
    ),
    Attack(
        "starts threads until it fails",
        _in_relu("""
            import threading, time
            while True:
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        """),
        RAISED,
        says="can't start new thread",
    ),
    Attack(
        "opens files until it fails",
        _in_relu("kept = []\nwhile True: kept.append(open('/dev/null'))"),
        RAISED,
        says="Too many open files",
    ),
    Attack(
        "writes one huge file",
        _in_relu("open('big', 'wb').write(bytes(50 * 2**20))"),
        RAISED,
        says="File too large",
    ),
    Attack(
        "fills the disk",
        _in_relu("for i in range(10**6):\n    open(f'{i}', 'wb').write(bytes(10 * 2**20))"),
        RAISED,
        says="No space left",
    ),
    Attack(
        "fills /dev/shm",
        _in_relu("open('/dev/shm/x', 'wb').write(bytes(2**20))"),
        RAISED,
        says="No such file",
    ),
    Attack(
        "hides memory in a file without a name",
        _in_relu("import os\nos.memfd_create('x')"),
        RAISED,
        says="PermissionError",
    ),
    Attack(
        "keeps memory in shared pages that no process maps",
        """
import mmap, os, signal
import numpy as np
def relu(x):
    held = [mmap.mmap(-1, 100 * 2**20) for _ in range(10)]
    if os.fork() == 0:
        signal.pause()
    for pages in held:
        for place in range(0, len(pages), 4096):
            pages[place] = 1
        pages.madvise(mmap.MADV_DONTNEED)
    return np.maximum(x, 0)
""",
        RAISED,
        says="PermissionError",
    ),
    Attack(
        "keeps memory in pages that are shared through a device",
        _in_relu("import mmap\nreturn mmap.mmap(open('/dev/zero', 'r+b').fileno(), 2**20)"),
        RAISED,
        says="No such file",
    ),
    Attack(
        "keeps memory in processes whose first thread has ended",
        """
import ctypes, os, platform, signal, threading, time
import numpy as np
def hold():
    kept = np.ones(8 * 2**20)
    signal.pause()
def relu(x):
    for _ in range(10):
        if os.fork() == 0:
            threading.Thread(target=hold).start()
            ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
    time.sleep(3)
    return np.maximum(x, 0)
""",
        MEMORY_LIMIT,
        says="512 MiB",
        limits={"memory_bytes": 2**29},
    ),
    Attack(
        "makes a million empty files",
        _in_relu("for i in range(10**6):\n    open(str(i), 'w').close()"),
        OUTPUT_LIMIT,
        says="file limit",
    ),
    Attack(
        "hides memory in the sockets of many processes",
        _in_relu("""
            import os, socket, time
            kept = []
            for _ in range(40):
                if os.fork() == 0:
                    kept += [socket.socketpair() for _ in range(50)]
                    time.sleep(100)
            time.sleep(100)
        """),
        CRASHED,
        says="open files in all processes",
    ),
    Attack(
        "takes all memory in its cell",
        "import numpy as np\nkept = [np.ones(10**7) for _ in range(10**4)]",
        MEMORY_LIMIT,
        says="the cell of relu",
        limits={"memory_bytes": 2**29},
    ),
]

LEAVES = [
    Attack(
        "leaves a process behind",
        """
import os, subprocess, sys
import numpy as np
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "@NAME@"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "@NAME@"])
    os._exit(0)
def relu(x):
    return np.maximum(x, 0)
""",
        PASSED,
        "full",
    ),
]

HONEST = [
    Attack("plain", RIGHT, PASSED, "full"),
    Attack("a lambda", "import numpy as np\nrelu = lambda x: np.maximum(x, 0)", PASSED, "full"),
    Attack(
        "a partial function",
        "import functools\nimport numpy as np\nrelu = functools.partial(np.clip, a_min=0, a_max=None)",
        PASSED,
        "full",
    ),
    Attack(
        "an object that can be called",
        "import numpy as np\nclass Relu:\n    def __call__(self, x):\n        return np.maximum(x, 0)\nrelu = Relu()",
        PASSED,
        "full",
    ),
    Attack(
        "type hints, helpers and a dataclass in other cells",
        "def relu(x: Image, *, low: float | None = None) -> 'Image':\n    return floor_at(x, low or Settings().low)",
        PASSED,
        "full",
        extra=(
            "from __future__ import annotations\nimport numpy as np\nfrom dataclasses import dataclass\nImage = np.ndarray",
            "@dataclass\nclass Settings:\n    low: int = 0\ndef floor_at(x, low):\n    return np.maximum(x, low)",
        ),
    ),
    Attack(
        "prints, warns and writes to standard error",
        _in_relu("""
            import sys, warnings
            print("in", x.shape)
            print("here", file=sys.stderr)
            warnings.warn("careful")
            return np.maximum(x, 0)
        """),
        PASSED,
        "full",
    ),
    Attack(
        "await at the top of a cell",
        RIGHT,
        PASSED,
        "full",
        extra=(
            "import asyncio\nawait asyncio.sleep(0)\nassert await asyncio.gather(asyncio.sleep(0, 3)) == [3]",
        ),
    ),
    Attack(
        "magics, commands and plots",
        "%%time\nimport numpy as np\ndef relu(x):\n    return np.maximum(x, 0)",
        PASSED,
        "full",
        extra=(
            "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\nimport matplotlib.pyplot as plt",
            "!ls\nfiles = !ls /\nassert 'usr' in files\n%timeit -n 1 -r 1 1 + 1\nlen?",
            "fig, ax = plt.subplots()\nax.plot([1, 2]); plt.show(); display(fig)\n3 + 4",
            "assert Out[3] == 7 and _ == 7 and get_ipython() is not None, Out",
            "%%bash\necho 'in a shell'",
        ),
    ),
    Attack(
        "plots and displays without magics",
        RIGHT,
        PASSED,
        "full",
        extra=("import matplotlib.pyplot as plt\nplt.imshow([[1, 2]]); plt.show()\ndisplay(plt.gcf())",),
    ),
    Attack(
        "imports from the course and calls its check",
        RIGHT + "\nfrom autograder import check\ncheck(relu)\ncheck(relu)",
        PASSED,
        "full",
        extra=("from course import datasets\nassert datasets.X.shape == (5, 5)",),
    ),
    Attack(
        "calls input() in another cell",
        RIGHT,
        PASSED,
        "full",
        says="input() is not available while grading",
        extra=("age = input('How old are you? ')",),
    ),
    Attack(
        "calls input()",
        _in_relu("return input('x: ')"),
        RAISED,
        says="input() is not available while grading",
    ),
    Attack("leaves the notebook in a cell", RIGHT, PASSED, "full", says="SystemExit", extra=("exit()",)),
    Attack(
        "an example below the function fails",
        RIGHT + "\nassert relu(np.array([-1.0]))[0] == 5, 'mine'",
        PASSED,
        "full",
        says="AssertionError: mine (line 6)",
    ),
    Attack(
        "a result in another memory layout, or in a file",
        """
import numpy as np
def relu(x):
    if x.ndim > 1:
        return np.asfortranarray(np.maximum(x, 0))
    result = np.memmap("result.dat", dtype=x.dtype, mode="w+", shape=x.shape)
    result[:] = np.maximum(x, 0)
    return result
""",
        PASSED,
        "full",
    ),
    Attack(
        "threads, subprocesses, pickles and its own source",
        """
import inspect, pickle, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
class Own: pass
assert type(pickle.loads(pickle.dumps(Own()))) is Own
assert subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True).stdout == b"7\\n"
def relu(x):
    with ThreadPoolExecutor(2) as pool:
        return next(pool.map(lambda part: np.maximum(part, 0), [x]))
assert "ThreadPoolExecutor(2)" in inspect.getsource(relu)
""",
        PASSED,
        "full",
    ),
]

ATTACKS = [*DECEIVES, *REACHES, *FORGES, *RETURNS, *DIES, *USES_UP, *LEAVES, *HONEST]
