"""`benchmarks/throughput/profile.py`: a profile that saw nothing is an error, not a table."""

import os
from pathlib import Path

import pytest
from benchmarks.throughput import profile
from benchmarks.throughput.flame import HANDLER

SESSIONS = 3
AT_WORK = f"thread (1);{HANDLER.replace(')', ':9)')}"
IMPORTING = "thread (1);<module> (benchmarks/throughput/agent_loop.py:7)"


@pytest.fixture
def py_spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for py-spy: its output is what the variable STACKS says."""
    program = tmp_path / "py-spy"
    program.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != --output ]; do shift; done\n'
        'echo "no module named so" >&2\n'
        '[ -z "$STACKS" ] || echo "$STACKS" > "$2"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(profile, "PY_SPY", str(program))
    return tmp_path / "stacks.txt"


def recorded(path: Path, stacks: str) -> profile.Stacks:
    return profile.record(path, SESSIONS, {"PATH": os.environ["PATH"], "STACKS": stacks})


def test_as_many_samples_as_sessions_are_a_profile(py_spy: Path) -> None:
    assert recorded(py_spy, f"{AT_WORK} {SESSIONS}").total() == SESSIONS


@pytest.mark.parametrize("stacks", [f"{AT_WORK} {SESSIONS - 1}", f"{IMPORTING} 99"])
def test_a_function_that_was_hardly_seen_at_work_is_an_error(py_spy: Path, stacks: str) -> None:
    with pytest.raises(profile.AgentLoopError, match="of 3 sessions: no module named so"):
        recorded(py_spy, stacks)


def test_without_any_samples_the_rest_is_worth_having(py_spy: Path) -> None:
    with pytest.raises(profile.NotSampledError):
        recorded(py_spy, "")
