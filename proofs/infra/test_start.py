"""What a function loads when it starts, and what it must not make yet: counts, never times.

Each handler is imported in a fresh process, after the bare minimum: what the function cannot do
without. Lambda may start many environments from one snapshot of that moment (SnapStart), so nothing
that is unique may be in it.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

STRANDS = "from strands import Agent; from strands.models.bedrock import BedrockModel"
BOTOCORE = "import botocore.session"

HEAVY = {"boto3", "mcp", "pydantic", "strands"}
"""Each takes longer to load than all that a function but the agent needs."""

SCRIPT = """
import json, os, random, secrets, socket, subprocess, sys, tempfile, threading, time, uuid

def spy(owner, name):
    real = getattr(owner, name)
    def noted(*args, **kwargs):
        made.add((f"{owner.__name__}.{name}", sys._getframe(1).f_globals["__name__"]))
        return real(*args, **kwargs)
    setattr(owner, name, noted)

made = set()
for owner, names in {
    uuid: "uuid1 uuid4",
    os: "urandom getrandom",
    secrets: "token_bytes token_hex token_urlsafe randbelow choice",
    random: "Random SystemRandom seed random randint randrange choice getrandbits uniform",
    time: "time time_ns monotonic",
    socket: "socket create_connection getaddrinfo gethostname",
    tempfile: "mkstemp mkdtemp",
    threading: "Thread Timer",
    subprocess: "Popen",
}.items():
    for name in names.split():
        if hasattr(owner, name) and not isinstance(getattr(owner, name), type):
            spy(owner, name)
for kind in (random.Random, socket.socket, threading.Thread, subprocess.Popen):
    spy(kind, "__init__")

bare, handler = sys.argv[1:]
exec(bare)
before = set(sys.modules)
if "botocore" in sys.modules:
    import botocore.session
    spy(botocore.session.Session, "__init__")
    spy(botocore.session.Session, "create_client")
__import__(handler)
beyond = sorted(set(sys.modules) - before)
print(json.dumps({"beyond": beyond, "loaded": sorted(sys.modules), "made": sorted(made)}))
"""


@dataclass(frozen=True)
class Function:
    """A function, and how many modules it may load beyond its bare minimum."""

    folder: str
    handler: str
    bare: str
    most_modules: int

    @property
    def roots(self) -> list[Path]:
        """Where its modules lie, as in Lambda."""
        return [SRC / self.folder, SRC / "layer/python"]

    @property
    def own_modules(self) -> set[str]:
        """Its own modules, and the layer's."""
        return {module_of(path.relative_to(r)) for r in self.roots for path in r.rglob("*.py")}


def module_of(path: Path) -> str:
    """The dotted name of a module, by where it lies under its root; a package's is its folder."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    beyond: set[str]
    """Modules that the bare minimum had not loaded."""
    loaded: set[str]
    made: set[tuple[str, str]]
    """Sources of what is unique, and the modules that used one."""


AGENT = Function("agent", "agent_handler", STRANDS, 59)
APPROVAL = Function("approval_api", "approval_handler", BOTOCORE, 34)
FUNCTIONS = (
    AGENT,
    APPROVAL,
    Function("sweeper", "sweeper_handler", BOTOCORE, 25),
    Function("operator_api", "operator_handler", BOTOCORE, 32),
    Function("unitok", "unitok_handler", BOTOCORE, 10),
)
"""A larger number needs a reason: each module takes time at every cold start. Both APIs tell what
came of an approval (`outcomes`); the page has words for it, operators see how a session ended. The
agent asks first what its package was built for (`built_for`): 0.3 ms of its start. Each package of
the layer is a module too. Whoever writes to people has the sentences (`words`): 0.2 ms; a language
is read when its first sentence is said, a time zone at its first time. The agent's parts are small
ones, and each long-running tool of the example is one. An operator who is a person decides and
answers like one (`deciding`, `votes`)."""

ALSO_LOADED = {"concurrent.futures.thread", "gc", "unicodedata"}
"""Of the standard library, beyond what strands and botocore load."""

MADE_BY_OTHERS = {
    # When the log began, and which process: for formats that nobody here uses.
    ("time.time", "logging"),
    # Is IPv6 there? The socket is closed at once.
    ("socket.__init__", "urllib3.util.connection"),
}
MADE_BY_OTHERS_OF_THE_AGENT = {
    # Names for the keys of its contexts; nothing leaves the process.
    ("uuid.uuid4", "opentelemetry.context"),
    ("os.urandom", "uuid"),
    # A key for child processes, of which there is none.
    ("os.urandom", "multiprocessing.process"),
}
"""Known, and harmless in a snapshot."""

each = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.folder)


@cache
def imported(function: Function) -> Imported:
    """Imports the bare minimum and then the handler, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, function.bare, function.handler],
        env={"PYTHONPATH": os.pathsep.join(map(str, function.roots)), "PATH": os.defpath},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    made = {(source, module) for source, module in told["made"]}
    return Imported(set(told["beyond"]), set(told["loaded"]), made)


@each
def test_a_handler_loads_its_own_modules_and_a_listed_few(function: Function) -> None:
    assert imported(function).beyond <= function.own_modules | ALSO_LOADED
    assert len(imported(function).beyond) <= function.most_modules


@each
def test_only_the_agent_loads_strands_pydantic_or_boto3(function: Function) -> None:
    roots = {name.partition(".")[0] for name in imported(function).loaded}
    assert roots & HEAVY == ({"boto3", "pydantic", "strands"} if function is AGENT else set())


@each
def test_nothing_unique_is_made_at_import(function: Function) -> None:
    of_agent = MADE_BY_OTHERS_OF_THE_AGENT if function is AGENT else set()
    assert imported(function).made <= MADE_BY_OTHERS | of_agent


@each
def test_no_generator_that_a_snapshot_would_copy_is_drawn_from(function: Function) -> None:
    """`random` is seeded once, at import; `uuid` and `secrets` ask the system every time."""
    for root in function.roots:
        for path in root.rglob("*.py"):
            assert not re.search(r"^\s*(import|from) random\b", path.read_text(), re.MULTILINE)
