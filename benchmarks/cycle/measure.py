"""Measures every contender at every size: the same conversations, the same counting."""

import time
from contextlib import ExitStack
from functools import partial

from benchmarks.cycle.contender import Contender
from benchmarks.cycle.conversation import make_conversation, make_task
from benchmarks.cycle.durable_peer import durable_peers
from benchmarks.cycle.engine import Engine, running_engine
from benchmarks.cycle.langgraph_peer import langgraph_peers
from benchmarks.cycle.ledger_peer import ledger_peers
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import our_project, table_properties
from benchmarks.cycle.plan import Cells, Plan, Sessions, Tasks, Texts
from benchmarks.cycle.prices import Usage
from benchmarks.cycle.strands_peers import strands_peers
from benchmarks.cycle.turns import Row, in_turns, slug


def measure(plan: Plan) -> tuple[list[Contender], Cells, Tasks, Texts, Sessions]:
    """Measures all; returns the contenders, and what was found of them."""
    meter, cells, tasks = Meter(), Cells(), Tasks()
    with running_engine(table_properties()) as engine, ExitStack() as stack:
        engine.clear()
        stack.enter_context(meter.installed())
        contenders = [
            stack.enter_context(our_project(engine, meter)),
            *strands_peers(meter),
            *ledger_peers(meter),
            *langgraph_peers(meter),
            *stack.enter_context(durable_peers(meter)),
        ]
        for contender in contenders:
            in_turns([contender], meter, 2, False, lambda _: 1, "warm-up-")  # What happens once.
            tasks[contender.name] = _task(contender, meter)
        engine.clear()
        for has_attachment in (False, True):
            for size in plan.sizes:
                started = time.monotonic()
                cycles = partial(plan.cycles_of, has_attachment=has_attachment)
                for row in in_turns(contenders, meter, size, has_attachment, cycles):
                    cells[row.contender.name, has_attachment, size] = row.cell
                attached = " and an attachment" if has_attachment else ""
                _report(f"{size:,} messages{attached}", started)
                engine.clear()
        close = [contender for contender in contenders if contender.is_close]
        texts = _texts(close, meter, plan, engine)
        sessions = _sessions(close, meter, plan, engine)
    return contenders, cells, tasks, texts, sessions


def _task(contender: Contender, meter: Meter) -> Usage:
    meter.start_over()
    with meter.measured():
        contender.open(make_task(slug(contender.name)))()
    return meter.usage()


def _texts(close: list[Contender], meter: Meter, plan: Plan, engine: Engine) -> Texts:
    """Measures texts of each length, in turns."""
    found = Texts()
    for post_bytes in plan.texts:
        started = time.monotonic()
        cycles = partial(plan.cycles_of, has_attachment=False)
        prefix = f"text-{post_bytes}-"
        for row in in_turns(close, meter, plan.text_size, False, cycles, prefix, post_bytes):
            found[row.contender.name, post_bytes] = row.cell
        _report(f"texts of {post_bytes:,} bytes", started)
        engine.clear()
    return found


def _sessions(close: list[Contender], meter: Meter, plan: Plan, engine: Engine) -> Sessions:
    """Makes every cycle of a long session of each, one contender after the other: only counts."""
    found, count = Sessions(), plan.marks[-1] + plan.window - 1
    for contender in close:
        started = time.monotonic()
        row = Row(contender, cycle=None)
        with row.attempt():
            name = f"long-{slug(contender.name)}"
            row.cycle = contender.open(make_conversation(2, False, name))
        for _ in range(count):
            if row.cycle:
                meter.forget()
                with row.attempt():
                    row.cycle()
                    row.cell.usages.append(meter.usage())
        found[contender.name] = row.cell
        _report(f"{count} cycles of {contender.name}", started)
        engine.clear()
    return found


def _report(what: str, started: float) -> None:
    print(f"  {what}: {time.monotonic() - started:.0f} s", flush=True)
