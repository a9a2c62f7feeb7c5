"""What the agent function puts off importing: no run needs it, and whoever uses it gets it."""

import subprocess
import sys
from pathlib import Path

import pytest

import aws_template

ROOT = aws_template.ROOT
PATHS = [str(ROOT / folder) for folder in ("src/layer/python", "src/agent")]

RUNS = """
import sys
import agent_handler
from longrunning.agent import put_off
import pytest
status = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]])
assert put_off.used == [], f"{put_off.used}: a run needs it, so take it out of the list"
there = {name for name in put_off.NAMES if name in sys.modules}
assert not there - {"yaml"}, f"{there}: a run imports it"
sys.exit(status)
"""
"""The tests themselves read YAML."""


def python(code: str, *arguments: str) -> str:
    """Runs a program that starts as the function does: it imports the handler first."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path[:0] = {PATHS}\n{code}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


def test_no_run_needs_what_is_put_off() -> None:
    flows = [str(path) for path in sorted((ROOT / "tests/flow").glob("test_*.py"))]
    assert len(flows) >= 2
    assert " passed" in python(RUNS, *flows)


def test_a_start_imports_none_of_it() -> None:
    code = "import agent_handler\nprint(*sys.modules)"
    modules = python(code).split()
    names = python("from longrunning.agent.put_off import NAMES\nprint(*NAMES)").split()
    assert "strands.agent.agent" in modules and len(names) > 5
    assert not [m for m in modules for n in names if m == n or m.startswith(f"{n}.")]


USES = {
    "called": """
from strands.telemetry import StrandsTelemetry
assert type(StrandsTelemetry().tracer_provider).__module__ == "opentelemetry.sdk.trace"
""",
    "made the base of a class": """
from strands.session import SnapshotSessionManager
class Mine(SnapshotSessionManager): pass
assert Mine.__mro__[1].__module__ == "strands.session.snapshot_session_manager"
""",
    "called where traces are exported": """
from strands.telemetry import StrandsTelemetry, tracer
StrandsTelemetry()
threads = tracer.ThreadingInstrumentor()
threads.instrument()
assert threads.is_instrumented_by_opentelemetry
""",
    "called where none are": """
from strands.telemetry import tracer
tracer.ThreadingInstrumentor().instrument()
assert "opentelemetry.instrumentation.threading" not in sys.modules
""",
    "imported later": """
import yaml
try:
    yaml.safe_load("[")
except yaml.YAMLError as error:
    assert type(error).__module__ == "yaml.parser"
import strands.vended_plugins.skills
""",
    "imported from its package": """
import strands
skill = strands.Skill(name="a-skill", description="What it is for.")
assert type(skill).__module__ == "strands.vended_plugins.skills.skill"
""",
    "asked what is one of it": """
from strands.session import SnapshotSessionManager
assert not isinstance(1, SnapshotSessionManager)
assert not issubclass(int, SnapshotSessionManager)
assert not isinstance(1, SnapshotSessionManager | None)
assert isinstance(None, None | SnapshotSessionManager)
assert put_off.used == [] and "strands.session.snapshot_session_manager" not in sys.modules
import strands.session.snapshot_session_manager as real
assert issubclass(type("Mine", (real.SnapshotSessionManager,), {}), SnapshotSessionManager)
assert (SnapshotSessionManager | None).__args__ == (real.SnapshotSessionManager, type(None))
""",
}


@pytest.mark.parametrize("use", USES)
def test_whoever_uses_it_gets_it(use: str, tmp_path: Path) -> None:
    python(f"import agent_handler\nfrom longrunning.agent import put_off\n{USES[use]}")


def test_garbage_is_looked_for_again_and_not_in_what_was_imported() -> None:
    python("import agent_handler, gc\nassert gc.isenabled() and gc.get_freeze_count() > 50_000")


def test_every_name_is_a_module_that_strands_would_import() -> None:
    code = "import strands\nfrom longrunning.agent.put_off import NAMES\n"
    python(f"{code}assert not [name for name in NAMES if name not in sys.modules]")
