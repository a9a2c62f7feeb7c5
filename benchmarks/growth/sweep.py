"""A sweep over so many open waits: what it reads, calls and holds in memory."""

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cycle.engine import BUCKETS, Engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project
from benchmarks.growth import waits
from benchmarks.report import Effort, Spread
from benchmarks.warm.memory import peak_megabytes
from longrunning.sessions import WAITING, PendingToolUse, Session, SessionExistsError, SessionStore
from longrunning.waits.open_waits import NOTE_KEY, SHARDS, OpenWaits

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("sweep_process.py")
FOLDERS = (
    *(".", "tests", "testkit", "proofs"),
    *("src/layer/python", "src/agent", "src/approval_api", "src/sweeper"),
)


@dataclass(frozen=True)
class Sweep:
    """What one sweep took."""

    open: int
    calls: dict[str, float]
    """By service and operation."""
    read_units: dict[str, float]
    """By operation."""
    write_units: float
    received_kilobytes: float
    mebibytes: float
    cpu_seconds: Spread
    """The sweeper's own, without its start."""

    @property
    def requests(self) -> float:
        """AWS calls of every kind."""
        return sum(self.calls.values())

    @property
    def units_of_open(self) -> float:
        """Read units of the index and of what is looked up; the rest is for what is due."""
        return self.read_units["Query"] + self.read_units["BatchGetItem"]


def measure(engine: Engine, counts: tuple[int, ...], effort: Effort) -> list[Sweep]:
    """Fills the table up to each count in turn, and sweeps: once counted, then to be timed."""
    table, there, sweeps = engine.tables["ApprovalsTable"], 0, []
    with our_project(engine, Meter()):
        for count in counts:
            more = waits.mixed(count - there, int(time.time()), seed=there)
            waits.put_all(engine.dynamodb, table, more)
            there = count
            print(f"  {count:,} open", flush=True)
            sweeps.append(_sweep(engine, count, effort.runs))
    return sweeps


def _sweep(engine: Engine, count: int, runs: int) -> Sweep:
    counted, *timed = [_one(engine, how) for how in ("counted", *["timed"] * runs)]
    return Sweep(
        count,
        counted["calls"],
        counted["read_units"],
        counted["write_units"],
        counted["received_kilobytes"],
        max(one["mebibytes"] for one in timed),
        Spread(tuple(one["cpu_seconds"] for one in timed)),
    )


def _one(engine: Engine, how: str) -> dict[str, Any]:
    _prepare(engine)
    told = _run(how)
    wanted = dict.fromkeys(("expired", "looked", "closed"), waits.DUE) | {"failed": 0}
    if {name: told["swept"][name] for name in wanted} != wanted:
        raise RuntimeError(f"expected {wanted}, got {told['swept']}")
    return told


def _prepare(engine: Engine) -> None:
    """Puts what is due, and a note as the last sweep would have left it a minute ago."""
    now, table = int(time.time()), engine.tables["ApprovalsTable"]
    store = SessionStore(
        engine.dynamodb, engine.tables["SessionsTable"], engine.s3, BUCKETS["ours"]
    )
    due = list(waits.due(now))
    waits.put_all(engine.dynamodb, table, (wait for _, wait in due))
    for wait in (wait for what, wait in due if what != "closed"):
        pending = (PendingToolUse(wait.tool_use_id, wait.tool_name),)
        ids = (wait.session_id, wait.agent_name)
        with contextlib.suppress(SessionExistsError):
            store.create(Session(*ids, [], WAITING, pending))
    engine.dynamodb.delete_item(TableName=table, Key=NOTE_KEY)
    note = {"looked_at": now - 60, "places": {shard: [0, 0, None] for shard in SHARDS}}
    OpenWaits(engine.dynamodb, table).write_note(note, None)


def _run(how: str) -> dict[str, Any]:
    """Sweeps in a process of its own; its memory is looked at before it ends."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in FOLDERS),
        "ESCALATION_TOPIC_ARN": "",
    }
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-P", str(PROGRAM), how],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline() if process.stdout else ""
    mebibytes = peak_megabytes(process.pid) * 1e6 / 2**20 if line else 0
    process.communicate()
    if not line:
        raise RuntimeError("the sweep failed")
    return {**json.loads(line), "mebibytes": mebibytes}
