"""One turn with an approval, a timer, a job, an agent and a callback, answered in any order."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

import agent_definition
import evaluator
import wait_until
from converse_stand_in import tool_use
from longrunning.agent.long_running import Result, long_running
from longrunning.messages import build_existing, tool_result
from longrunning.waits.answers import Answers
from longrunning.waits.item import Status, Wait, wake_up_message
from test_callbacks import DONE, post, url_of
from test_detours import ask, contents, publish
from world import World

HOUR, DAY = 3_600, 86_400
KINDS = ("person", "timer", "job", "agent", "callback")
IDS = {kind: f"{kind}-1" for kind in KINDS}
ORDERS = list(permutations(KINDS))[::11]


class Turn:
    """The turn, and how each of its waits is answered."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.job: Result | None = None
        self.cancelled: list[str] = []
        self.session_id = ""
        self.parked: dict[str, Any] | None = None

    def start(self) -> None:
        self.session_id = self.world.start()
        self.parked = self.world.receive()  # The other agent's task: it is handed over later.
        assert self.parked
        self.world.aws["sqs"].delete_message(
            QueueUrl=self.world.env["TASK_QUEUE_URL"], ReceiptHandle=self.parked["receiptHandle"]
        )

    def wait(self, kind: str) -> Wait:
        return next(w for w in self.world.approvals(self.session_id) if w.tool_use_id == IDS[kind])

    def results(self) -> dict[str, dict[str, Any]]:
        """The results of the turn, as the model reads them."""
        _task, _uses, answers, *_ = self.world.session(self.session_id).messages
        found = [block["toolResult"] for block in answers["content"]]
        return {result["toolUseId"]: result for result in found}

    def answer(self, kind: str) -> None:
        answers: dict[str, Callable[[], None]] = {
            "person": self._decide,
            "timer": self._let_it_be_time,
            "job": self._end_job,
            "agent": self._run_agent,
            "callback": self._call_back,
        }
        answers[kind]()
        self.world.deliver_until_quiet()

    def _decide(self) -> None:
        (mail,) = self.world.mails or self.world.read_mail()
        assert self.world.click(mail.links["approve"])["status_code"] == 200

    def _let_it_be_time(self) -> None:
        self.world.step(max(0, (self.wait("timer").remind_at or 0) - self.world.clock()))
        self.world.sweep()

    def _end_job(self) -> None:
        self.job = Result("17.mp4")
        hint = tool_result(IDS["job"], "success", "It has ended.")
        self.world.send(build_existing(self.session_id, "render", [hint]))

    def _run_agent(self) -> None:
        assert self.parked
        assert self.world.handle(self.parked)

    def _call_back(self) -> None:
        assert post(self.world, url_of(self.wait("callback")), DONE)[0] == 200


@pytest.fixture
def turn(world: World, monkeypatch: pytest.MonkeyPatch) -> Turn:
    made = Turn(world)

    @long_running(within=timedelta(days=2))
    def render(wait: Wait) -> None:
        """Renders."""

    render.look(lambda wait: made.job)
    render.cancel(lambda wait: made.cancelled.append(wait.tool_use_id))

    @long_running(within=timedelta(days=3), by_callback=True)
    def await_build(wait: Wait) -> None:
        """Builds."""

    monkeypatch.setattr(
        agent_definition, "LONG_TOOLS", (wait_until.wait_until, render, await_build)
    )
    asked = {"name": evaluator.AGENT_NAME, "task": "Judge it"}
    time = datetime.fromtimestamp(world.clock() + 600, UTC).isoformat()
    uses = [
        ask(IDS["person"], "Hi"),
        tool_use(IDS["timer"], "wait_until", {"time": time}),
        tool_use(IDS["job"], "render", {}),
        tool_use(IDS["agent"], "ask_agent", asked),
        tool_use(IDS["callback"], "await_build", {}),
    ]

    def play(request: Any) -> Any:
        names = {t["toolSpec"]["name"] for t in request.get("toolConfig", {}).get("tools", ())}
        if "publish_post" not in names:
            return "It is good."
        return next(turns)

    turns = iter([uses, [publish("post-1", "Hi")], "Done."])
    world.play(play)
    return made


def test_the_tools_of_one_turn_have_each_their_own_deadline(turn: Turn) -> None:
    now = int(turn.world.clock())
    turn.start()
    ends = {kind: turn.wait(kind).decide_by - now for kind in KINDS}
    ends["timer"] += (600 + HOUR - ends["timer"]) == 1  # Some part of its second may have passed.
    assert ends == {
        "person": HOUR,
        "timer": 600 + HOUR,
        "job": 2 * DAY,
        "agent": 7 * DAY,
        "callback": 3 * DAY,
    }


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_they_are_answered_in_any_order(turn: Turn, order: tuple[str, ...]) -> None:
    turn.start()
    for kind in order[:-1]:
        turn.answer(kind)
        assert turn.world.session(turn.session_id).pending, "not all are answered"
    assert not turn.world.posts()
    turn.answer(order[-1])
    results = turn.results()
    assert list(results) == [*IDS.values()], "in the order of the turn, whatever came first"
    told = {kind: results[IDS[kind]]["content"][0]["text"] for kind in KINDS}
    assert json.loads(told["person"])["decision"] == "approved"
    assert told["timer"].startswith("It is ")
    assert told["job"] == "17.mp4"
    assert json.loads(told["agent"])["said"] == "It is good."
    assert told["callback"] == '{"build": 17}'
    assert contents(turn.world) == ["Hi"]
    assert turn.world.session(turn.session_id).outcome == "published"
    assert not turn.world.dead_letters()


@pytest.mark.parametrize("kind", ["person", "timer", "job", "agent", "callback"])
def test_one_that_is_cancelled_does_not_hold_the_others(turn: Turn, kind: str) -> None:
    turn.start()
    answers = Answers(turn.world.aws["dynamodb"], turn.world.env["APPROVALS_TABLE_NAME"])
    now = int(turn.world.clock())
    done = answers.cancel(turn.session_id, IDS[kind], decided_by="operator", now=now)
    assert done.approval
    turn.world.send(wake_up_message(done.approval))
    turn.world.deliver_until_quiet()
    for other in KINDS:
        if other != kind:
            turn.answer(other)
    assert turn.wait(kind).status == Status.CANCELLED
    result = turn.results()[IDS[kind]]
    assert (result["status"], json.loads(result["content"][0]["text"])["decision"]) == (
        "error",
        "cancelled",
    )
    assert set(turn.cancelled) == ({IDS["job"]} if kind == "job" else set()), "perhaps twice"
    assert not turn.world.dead_letters()


def test_one_that_expires_does_not_hold_the_others(turn: Turn) -> None:
    """The person has an hour, all others longer."""
    turn.start()
    turn.world.step(HOUR)
    assert turn.world.sweep()["expired"] == 1
    turn.world.deliver_until_quiet()
    for kind in ("timer", "job", "agent", "callback"):
        turn.answer(kind)
    told = json.loads(turn.results()[IDS["person"]]["content"][0]["text"])
    assert told["decision"] == "expired"
