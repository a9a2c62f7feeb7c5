"""`make bench` in its smallest form: every benchmark runs, and says what it is there to say."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv/bench/bin/python"
FOLDERS = (".", "tests", "testkit", "proofs", "src/layer/python", "src/agent", "src/approval_api")
LIMIT_SECONDS = 300

SAYS = {
    "cycle": (
        *("| this project | **", "LangGraph", "S3SessionManager"),
        *("wait_for_callback | 4 durable", "in a step | 3 durable", "outside a step | 2 durable"),
        *("by bytes of a text", "by how often the session has asked before", "and an equal ledger"),
    ),
    "waits": ("| `human_approval`, then the tool | 5.75 | 11 |", "| `wait_until`", "| `ask_agent`"),
    "bill": ("| **together** |", "Step Functions"),
    "cold_start": (
        "| Agent | with |",
        "| Agent, Bedrock model | without |",
        "| Approval | without |",
    ),
    "warm": ("## Warm overhead", "| GET, the page of an approval |", "| POST, the decision |"),
    "memory": ("## The agent's memory", "| 512, the template's |"),
    "throughput": ("## Throughput",),
    "growth": ("## Scale by measurement", "| **2: together** |", ": a search, to its end |"),
    "scale": ("`MaximumConcurrency`", "`OPEN_SHARDS`"),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_benchmark_works(name: str) -> None:
    done = subprocess.run(
        [PYTHON, "-m", "benchmarks", "--smoke", name],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert [text for text in SAYS[name] if text not in done.stdout] == []
    assert "nan" not in done.stdout.split()


def test_a_benchmark_that_does_not_exist_is_an_error() -> None:
    done = subprocess.run(
        [PYTHON, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "cold_start" in done.stderr
