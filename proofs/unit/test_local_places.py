"""A fault is told with the line of src/ that it comes from, and not with a folder of a function."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from local import build as building
from local.console import Console, LocalError
from local.function_logs import compact
from local.places import source_of, with_place, with_sources
from local.problems import Problems, problem_in
from local.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WORKER_PATH = ROOT / "local" / "worker_path"
LAYER = ROOT / "src" / "layer" / "python"

HANDLER = """\
import send_reply
from longrunning import observability

observability.configure()
logger = observability.get_logger("agent")
try:
    send_reply.send_reply()
except Exception as fault:
    facts = observability.facts_of(fault)
    logger.error("failed, will be delivered again", extra={**facts, "message_id": "m-1"})
"""
TOOL = "import package\n\n\ndef send_reply():\n    package.one()\n"
WRAPPED = """\
import package


def send_reply():
    try:
        package.one()
    except ValueError as error:
        raise RuntimeError("wrapped") from error
"""
PACKAGE = (
    "def one():\n    two()\n\n\ndef two():\n    three()\n\n\n"
    "def three():\n    four()\n\n\ndef four():\n    raise ValueError('Dear ' + 'Ann')\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one tool."""
    root = tmp_path / "project"
    for name in ("agent/send_reply.py", "layer/python/longrunning/worker.py"):
        (root / "src" / name).parent.mkdir(parents=True)
        (root / "src" / name).write_text("x = 1\n")
    return root


def logged(folder: Path, tool: str) -> str:
    """What a worker logs whose tool fails deep in a package."""
    code = folder / "ministack-lambda-local-AgentFunction-x" / "code"
    code.mkdir(parents=True)
    for name, source in (("send_reply", tool), ("package", PACKAGE), ("handler", HANDLER)):
        (code / f"{name}.py").write_text(source)
    paths = os.pathsep.join(map(str, (WORKER_PATH, LAYER, code)))
    return subprocess.run(
        [sys.executable, str(code / "handler.py")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize(("tool", "line"), [(TOOL, 5), (WRAPPED, 6)], ids=["plain", "wrapped"])
def test_a_fault_in_a_package_names_the_adopters_line_first(
    project: Path, tmp_path: Path, tool: str, line: int
) -> None:
    text = logged(tmp_path, tool)
    assert "Dear Ann" not in text
    placed = with_place(text, project)
    record = json.loads(placed)
    assert record["at"] == f"src/agent/send_reply.py, line {line}" and "frames" not in record
    said = compact("agent", placed) or ""
    assert f"failed, will be delivered again at src/agent/send_reply.py, line {line}: " in said
    assert "\n" not in said and "\\n" not in said and "package.py" not in said


def test_a_fault_without_a_line_of_src_says_its_frames_without_line_ends(project: Path) -> None:
    where = ['File "/var/task/a.py", line 1, in f\n    g()', 'File "/var/task/b.py", line 2, in g']
    record = {"message": "failed", "where": where, "frames": [["/var/task/a.py", 1]]}
    placed = with_place(json.dumps(record), project)
    assert json.loads(placed) == {"message": "failed", "where": where}
    assert (compact("agent", placed) or "").endswith(
        'where=File "/var/task/a.py", line 1, in f g() | File "/var/task/b.py", line 2, in g'
    )


@pytest.mark.parametrize("line", ["", "printed", "[1]", '{"message": "paused"}'])
def test_any_other_line_stays_as_it_is(project: Path, line: str) -> None:
    assert with_place(line, project) == line


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/var/task/send_reply.py", "src/agent/send_reply.py"),
        ("/x/tmp/ministack-lambda-f-1_a/code/send_reply.py", "src/agent/send_reply.py"),
        ("/opt/python/longrunning/worker.py", "src/layer/python/longrunning/worker.py"),
        ("/x/ministack-lambda-f-1/layer_0/python/longrunning/worker.py",
         "src/layer/python/longrunning/worker.py"),
        ("/var/task/urllib3/pool.py", ""),
        ("/usr/lib/python3.13/send_reply.py", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_file_of_a_function_is_found_in_src(project: Path, path: str, source: str) -> None:
    assert source_of(path, project) == source


def test_no_two_modules_of_functions_have_the_same_name() -> None:
    """Or `source_of` would have to know whose fault it is."""
    own = [path.name for path in (ROOT / "src").glob("*/*.py")]
    assert len(own) == len(set(own))


def test_a_failed_build_names_the_file_of_src(project: Path) -> None:
    settings = Settings(project, project / ".local", project / ".aws-sam", 3000)
    settings.sam.parent.mkdir(parents=True)
    said = 'File "/var/task/send_reply.py", line 36'
    settings.sam.write_text(f"#!/bin/sh\necho '{said}'; exit 1\n")
    settings.sam.chmod(0o755)
    with pytest.raises(LocalError, match=re.escape(said.replace("/var/task", "src/agent"))):
        building.build(settings)
    text = 'File "/var/task/other.py"'
    assert with_sources(text, project) == text


def fault(error: str, at: str = "") -> str:
    record = {"message": "failed, will be delivered again", "error": error, "message_id": "m-1"}
    return json.dumps({**record, "receive_count": 1, "at": at} if at else record)


def test_a_tool_that_cannot_connect_is_not_said_to_be_the_model() -> None:
    place = "src/agent/send_reply.py, line 5"
    assert problem_in(fault("ConnectionError", place)) == ""
    assert "model" in problem_in(fault("ConnectionError"))
    assert "model" in problem_in(fault("APIConnectionError", place))
    problems = Problems(Console())
    problems.read(fault("ConnectionError", place))
    kept = problems.of("m-1")
    assert kept and kept.text.startswith(f"ConnectionError, at {place}. That was try 1 of 5")
