"""A state machine that does to the world whatever it likes, and the ledger holds at every step.

Hypothesis chooses what the model says, what people click, when time passes, which message comes
twice, when the sweeper runs, and at which call which function dies or freezes. After every step
the law must hold as far as it can by then; at the end everybody does what there is to do, and then
it must hold to the letter.
"""

import itertools
import json
import random
import sys
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pocket.clock import START

import prove_figures
from converse_stand_in import Request, Turn
from ledger_of_world import breaks_at_the_end, breaks_now
from living_world import JOB_TOOL, LivingWorld, Reaction, make_living_world
from longrunning.messages import build_cancel, build_look
from longrunning.waits.item import Status, from_item
from mortal import DEATHS, FREEZES
from other_systems import CALLED_BACK, LOOKED
from stories import (
    AGENT,
    ASK,
    INSIDE,
    PUBLISH,
    TIMER,
    asks_agent,
    builds,
    encodes,
    named,
    waits_for,
)
from world import forget_environments

EXAMPLES = prove_figures.size(short=150, long=10_000)
STEPS = 25

TEXTS = ("One", "Two")
SECONDS = (1, 31, 130, 1_300, 20_000, 2 * 86_400)
MOST_DAYS = 10
"""Messages are kept for 14: what nobody takes for so long is lost, and that is known."""

WHAT_WAS_APPROVED = "what was approved"
CHILDREN = ("Child 0", "Child 1")
"""What other agents are asked for; they may be asked by their like, too."""

counted: Counter[str] = Counter()
examples = prove_figures.progress(itertools.repeat(None), EXAMPLES, "state machine")

texts = st.sampled_from(TEXTS)
uses = st.one_of(
    st.tuples(st.just(ASK), texts),
    st.tuples(st.just(PUBLISH), st.just(WHAT_WAS_APPROVED)),
    st.tuples(st.just(PUBLISH), texts),
    st.tuples(st.just(JOB_TOOL), st.just("Trailer")),
    st.tuples(st.just(TIMER), st.sampled_from(["90", "700"])),
    st.tuples(st.just(LOOKED), st.sampled_from(["40", "40 40 41", "600 10", "0 10"])),
    st.tuples(st.just(CALLED_BACK), st.sampled_from(["40", "600"])),
    st.tuples(st.just(AGENT), st.sampled_from(CHILDREN)),
)
plans = st.lists(st.lists(uses, min_size=1, max_size=3), min_size=1, max_size=4)
"""What the model does at each call, whatever it was told; after that it says that it is done. So a
run that is repeated after a crash goes another way than the first."""

numbers = st.integers(0, 1_000)

forms = st.one_of(
    st.just({"decision": "approved"}),
    st.just({"decision": "denied"}),
    st.fixed_dictionaries({"decision": st.just("approved"), "content": st.just("Edited")}),
)


Plan = list[list[tuple[str, str]]]


class Task:
    """What the model does on one task."""

    def __init__(self, plan: Plan, reuses_ids: bool) -> None:
        self.plan, self.reuses_ids = list(plan), reuses_ids
        self.calls = 0

    def next_turn(self, request: Request) -> Turn:
        if not self.plan:
            return "Done."
        turn = self.plan.pop(0)
        self.calls += 1
        first = 0 if self.reuses_ids else 10 * self.calls
        return [
            named(first + n, name, self._input(name, what, request))
            for n, (name, what) in enumerate(turn)
        ]

    def _input(self, name: str, what: str, request: Request) -> dict[str, Any]:
        match name:
            case "render_video":
                return {"title": what}
            case "wait_until":
                return waits_for(int(time.time() - START) + int(what))[1]
            case "encode_video":
                seconds, *events = map(int, what.split())
                return encodes(seconds or None, *events)[1]
            case "await_build":
                return builds(int(what))[1]
            case "ask_agent":
                return asks_agent(f"{text_of_task(request)}{INSIDE}{what}")[1]
        return {"content": approved_last(request) if what == WHAT_WAS_APPROVED else what}


def text_of_task(request: Request) -> str:
    return str(request["messages"][0]["content"][0]["text"])


def approved_last(request: Request) -> str:
    """The text that the model was last told is approved."""
    found = "One"
    for message in request["messages"]:
        for block in message["content"]:
            text = block.get("toolResult", {}).get("content", [{}])[0].get("text", "")
            told = json.loads(text) if text.startswith('{"decision"') else {}
            if told.get("decision") == "approved":
                found = told["content"]
    return found


class AnyOrder(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.fates: dict[int, str] = {}
        self.model: dict[str, Task] = {}
        self.records: list[dict[str, Any]] = []
        self.days = 0.0
        self.living: LivingWorld | None = None
        next(examples)
        counted["examples"] += 1

    # --- what happens ----------------------------------------------------------------------------

    @initialize(on_silence=st.sampled_from(["deny", "escalate"]), people_decide=st.booleans())
    def begin(self, on_silence: str, people_decide: bool) -> None:
        env = {"ON_SILENCE": on_silence, "DECIDE_WITHIN_SECONDS": "400"}
        self.people_decide = people_decide
        self.living = make_living_world(
            self.patch,
            lambda number, _: self.fates.pop(number, None),
            script=self._turn,
            env=env,
            has_threads=False,
            by_hand=True,
        )

    @precondition(lambda self: len(self.living.tasks) < 3)
    @rule(plan=plans, asked=st.tuples(plans, plans), reuses_ids=st.booleans())
    def new_task(self, plan: Plan, asked: tuple[Plan, Plan], reuses_ids: bool) -> None:
        task = f"Task {len(self.living.tasks)}"
        self.model[task] = Task(plan, reuses_ids)
        for child, its_plan in zip(CHILDREN, asked, strict=True):
            self.model[f"{task}{INSIDE}{child}"] = Task(its_plan, reuses_ids)
        self.living.send_task(task)

    @precondition(lambda self: self.living.messages_on("TASK_QUEUE"))
    @rule()
    def deliver(self) -> None:
        while record := self.living.world.receive():
            self.records.append(record)
            self.living.deliver(record)

    @precondition(lambda self: self.records)
    @rule(which=numbers)
    def deliver_again(self, which: int) -> None:
        self.living.deliver(self.records[which % len(self.records)])

    @precondition(lambda self: self.living.mails)
    @rule(which=numbers, form=forms)
    def click(self, which: int, form: dict[str, str]) -> None:
        self.living.click(self._key(which), form)

    @precondition(lambda self: self.living.mails)
    @rule(which=numbers)
    def cancel(self, which: int) -> None:
        self.living.cancel(self._key(which))

    @precondition(lambda self: self.living.mails)
    @rule(which=numbers)
    def forge_a_message(self, which: int) -> None:
        self.living.forge(self._key(which))

    @precondition(lambda self: self._awaited())
    @rule(which=numbers)
    def cancel_what_no_person_decides(self, which: int) -> None:
        keys = [key for key, _ in self._awaited()]
        self.living.cancel(keys[which % len(keys)])

    @precondition(lambda self: self._awaited())
    @rule(which=numbers)
    def forge_an_answer(self, which: int) -> None:
        keys = [key for key, tool_name in self._awaited() if tool_name != JOB_TOOL]
        if keys:  # A job that cannot be asked is answered by whoever may send.
            self.living.forge(keys[which % len(keys)])

    @precondition(lambda self: self.living.systems.jobs)
    @rule(which=numbers)
    def say_that_a_job_is_done(self, which: int) -> None:
        names = list(self.living.systems.jobs)
        self.living.send(build_look(LOOKED, names[which % len(names)]))

    @precondition(lambda self: self._children())
    @rule(which=numbers)
    def say_that_nobody_waits(self, which: int) -> None:
        children = self._children()
        self.living.send(build_cancel(children[which % len(children)]))

    @rule()
    def sweep(self) -> None:
        self.living.sweep()

    @precondition(lambda self: self.days < MOST_DAYS)
    @rule(seconds=st.sampled_from(SECONDS))
    def time_passes(self, seconds: int) -> None:
        self.days += seconds / 86_400
        self.living.pass_time(seconds)

    # --- what goes wrong -------------------------------------------------------------------------

    @precondition(lambda self: len(self.fates) < 2)
    @rule(calls=st.integers(1, 12), how=st.sampled_from(DEATHS))
    def die(self, calls: int, how: str) -> None:
        self.fates[len(self.living.mortality.calls) + calls] = how

    @precondition(lambda self: len(self.fates) < 2)
    @rule(calls=st.integers(1, 12))
    def freeze(self, calls: int) -> None:
        self.fates[len(self.living.mortality.calls) + calls] = FREEZES

    @precondition(lambda self: self.living.messages_on("TASK_QUEUE"))
    @rule(call=st.integers(1, 12), how=st.sampled_from(DEATHS))
    def die_until_it_is_a_dead_letter(self, call: int, how: str) -> None:
        for _ in range(6):
            self.fates.clear()
            self.fates[len(self.living.mortality.calls) + call] = how
            self.deliver()
            self.living.pass_time(800)

    @precondition(lambda self: self.living.messages_on("DEAD_LETTER_QUEUE"))
    @rule()
    def redrive(self) -> None:
        self.living.redrive()

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_law_holds(self) -> None:
        counted["steps"] += 1
        if self.living:
            assert not breaks_now(self.living)
            assert not self.living.errors

    def teardown(self) -> None:
        try:
            if self.living:
                self._end_all()
                assert not breaks_at_the_end(self.living)
                assert not self.living.errors
                self._count()
        finally:
            self.patch.undo()
            forget_environments()

    def _count(self) -> None:
        for fate, times in self.living.mortality.met.items():
            counted[fate.replace(" ", "_")] += times
        counted["tasks"] += len(self.living.tasks)
        counted["asked_of_agents"] += len(self._children())
        counted["jobs"] += len(self.living.systems.jobs) + len(self.living.systems.builds)
        counted["posts"] += len(self.living.scan("POSTS"))
        counted["redriven"] += self.living.redriven

    def _end_all(self) -> None:
        """Nothing goes wrong any more, and everybody does what there is to do."""
        self.fates.clear()
        self.living.by_hand = False
        if self.people_decide:
            approve = {"decision": "approved"}
            self.living.reacts = lambda mail: [Reaction(5, approve)]
            for key in self.living.mails:
                if not any(decision.status for decision in self.living.decisions_on(key)):
                    self.living.after(5, partial(self.living.insist, key, approve))
        self.living.redrive_until_quiet()
        self.living.drain(hours=48)

    def _turn(self, request: Request) -> Turn:
        task, *inner = text_of_task(request).split(INSIDE)
        return self.model[INSIDE.join([task, *inner[-1:]])].next_turn(request)

    def _awaited(self) -> list[tuple[str, str]]:
        """Key and tool of what is open and no person decides."""
        waits = map(from_item, self.living.scan("APPROVALS"))
        return [
            (wait.key, wait.tool_name)
            for wait in waits
            if wait.call is None and wait.status == Status.PENDING
        ]

    def _children(self) -> list[str]:
        items = self.living.scan("SESSIONS")
        return [item["session_id"]["S"] for item in items if "parent" in item]

    def _key(self, which: int) -> str:
        keys = list(self.living.mails)
        return keys[which % len(keys)]


def test_in_whatever_order_things_happen_the_ledger_holds() -> None:
    if prove_figures.is_long():
        number = random.SystemRandom().randrange(2**32)
        print(f"state machine: seed {number}", file=sys.__stderr__, flush=True)
        seed(number)(AnyOrder)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not prove_figures.is_long(),
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    prove_figures.record("state machine", **counted)
