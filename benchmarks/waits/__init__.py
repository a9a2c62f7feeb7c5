"""What a whole task costs that waits for a person, a time, a job or an agent: counts, no times."""

import json
import os
import subprocess
from pathlib import Path

from benchmarks.cycle.prices import READ, Usage
from benchmarks.report import Effort, Section, Table

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/test/bin/python"
SOURCES = ("layer/python", "agent", "approval_api", "sweeper", "operator_api")
FOLDERS = (".", "tests", "testkit", "proofs", *(f"src/{source}" for source in SOURCES))

COLUMNS = (
    "One task, from its start to its end",
    "dollars per million",
    "AWS calls",
    "of these, conditional writes",
    "write units",
    "read units",
)

TEXT = f"""\
Every kind of wait of this project, each as the shortest task that has one: it begins, it waits, the
answer comes, the model reads it and says "Done.". Texts to approve have 160 bytes. The real
handlers run over the AWS in memory of the test kit, which is held against the emulator answer by
answer, with a scripted model.

How to read it: the first row is a task that waits for nothing; what a row has above it, its wait
costs. **Dollars** are list prices of us-east-1, read in {READ}, for storage alone, DynamoDB and
S3, as in "Cost of a pause and resume": queue, e-mail, API, Lambda and what runs elsewhere come on
top. **Calls** are all that the functions make of AWS for coordination; what Lambda's poller and the
sender of the task do is not among them. A timer needs a sweep that finds it due, which stands in
its row with all that it reads; one sweep serves all that waits, and the last row is one of a stack
in which nothing does."""


def run(_: Effort) -> Section:
    """Returns the table; there is nothing to repeat."""
    return Section("Each kind of wait", TEXT, (table(_counted()),))


def table(usages: dict[str, Usage]) -> Table:
    """Returns what each kind uses."""
    rows = tuple(
        (
            kind,
            f"{usage.dollars:.2f}",
            int(usage.coordination),
            int(usage.conditional_writes),
            int(usage.write_units),
            f"{usage.read_units:g}",
        )
        for kind, usage in usages.items()
    )
    return Table("A whole task of each kind", COLUMNS, rows)


def _counted() -> dict[str, Usage]:
    """Counts in the environment of the tests, where the AWS in memory is."""
    done = subprocess.run(  # noqa: S603
        [PYTHON, "-m", "benchmarks.waits.kinds"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {kind: Usage(**fields) for kind, fields in json.loads(done.stdout).items()}
