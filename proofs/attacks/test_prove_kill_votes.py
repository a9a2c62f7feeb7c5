"""The process dies at every AWS call of a story of several people, a question and a rule.

Two of three agree to a refund after an operator has given it more time and one has edited it, the
last one by a signature; a person answers a question, a rule decides a small refund. The agent's
function, both APIs and the sweeper die before a call or after it; SQS delivers again, people press
again where they got no answer, the sweeper comes. Each refund is paid once, the edited amount, each
vote is counted once, and the end is moved once.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import botocore.client
import pytest

import operator_handler
import prove_figures
from converse_stand_in import tool_use
from longrunning.waits.item import Wait
from longrunning_testkit.worlds import forget_environments, http_event
from pocket import clients_made_once
from sample_people import PEOPLE, set_people, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World, lasting_for_a_test
from test_any_call import ASKED, post_json
from test_people import by_rule, two_of_three

HOURS = 3
SHORT_STEP = 9
"""The short form dies at every ninth call only."""


class DiesError(BaseException):
    """The process is gone: nothing of it goes on."""


@dataclass
class Fate:
    """Counts the calls, and dies at one of them."""

    at: int = 0
    after: bool = False
    calls: int = 0
    has_died: bool = False

    def call(self, real: Callable[..., Any], *given: Any) -> Any:
        """Makes a call, or dies before or after it."""
        self.calls += 1
        dies = self.calls == self.at
        if dies and not self.after:
            self.has_died = True
            raise DiesError
        answer = real(*given)
        if dies:
            self.has_died = True
            raise DiesError
        return answer


@dataclass
class Town:
    """The world and the people in it, who press again until they have an answer."""

    world: World
    fate: Fate
    refunds: Refunds = field(default_factory=Refunds)

    def set_up(self) -> None:
        """Gives the agent its tools, and the model its script."""
        use_people(self.world, self._policy, refund_tool(self.refunds))
        signing = {id_: who._replace(iam=f"user/{id_}") for id_, who in PEOPLE.items()}
        set_people(self.world.monkeypatch, signing)
        question = {"question": "How?", "choices": ["e-mail", "letter"]}
        self.world.play(self._script([
            ("send_refund", {**ASKED, "amount": 120}),
            ("ask_human", question),
            ("send_refund", {**ASKED, "amount": 5}),
        ]))  # fmt: skip

    def _policy(self, call: Any, requested_by: str | None) -> Any:
        if call.action == "send_refund" and call.arguments["amount"] > 50:
            return two_of_three()
        return by_rule(call, None) if call.action == "send_refund" else _cyd()

    @staticmethod
    def _script(uses: list[tuple[str, dict[str, Any]]]) -> Callable[[Any], Any]:
        """Goes by the conversation alone: a run that is repeated asks the same."""

        def script(request: Any) -> Any:
            turn = sum(message["role"] == "assistant" for message in request["messages"])
            if turn >= len(uses):
                return "Done."
            name, given = uses[turn]
            return [tool_use(f"use-{turn}-{len(request['messages'])}", name, given)]

        return script

    def do(self, what: Callable[[], Any]) -> Any:
        """Does something in a process that may die; None if it did."""
        try:
            with pytest.MonkeyPatch.context() as patch:
                real = botocore.client.BaseClient._make_api_call
                patch.setattr(
                    botocore.client.BaseClient,
                    "_make_api_call",
                    lambda *given: self.fate.call(real, *given),
                )
                return what()
        except DiesError:
            forget_environments()
            return None

    def live(self, session_id: str) -> None:
        """Lets time pass, minute by minute, until the session has ended."""
        for _ in range(HOURS * 60):
            self._deliver()
            self.do(self.world.sweep)
            self._deliver()
            waits = self.world.approvals(session_id)
            for wait in waits:
                if wait.status == "PENDING":
                    self._decide(wait)
            if self._has_ended(session_id):
                return
            self.world.step(60)
        raise AssertionError("it does not end")

    def _deliver(self) -> None:
        while message := self.world.receive():
            if self.do(lambda message=message: self.world.handle(message)):
                self.world.aws["sqs"].delete_message(
                    QueueUrl=self.world.env["TASK_QUEUE_URL"],
                    ReceiptHandle=message["receiptHandle"],
                )

    def _decide(self, wait: Wait) -> None:
        mails = {m.to: m for m in self.world.mails + self.world.read_mail()
                 if m.to and _is_about(m.body, wait)}  # fmt: skip
        if wait.is_question:
            if "cyd" in mails:
                body = {"decision": "answered", "answer": {"answer": "letter"}}
                self._press(mails["cyd"].links["answer"], body)
            return
        seen, current = wait.asked.digest, wait.in_force.digest
        if "bob" in mails and "cyd" in mails:
            if wait.first_decide_by is None:
                self._sign("olga", "extend", wait, hours=2, decide_by=wait.decide_by)
            edit = {"decision": "approved", "seen": seen, "arguments": {"amount": 99.5}}
            self._press(mails["bob"].links["approve"], edit)
            self._sign("cyd", "decide", wait, decision="approved", seen=current)

    def _press(self, link: str, body: dict[str, Any]) -> None:
        while self.do(lambda: post_json(self.world, link, body)) is None:
            pass

    def _sign(self, by: str, action: str, wait: Wait, **fields: Any) -> None:
        url = urlsplit(f"https://approvals.example.com/operator/{action}")
        body = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id, **fields}
        headers = {"content-type": "application/json"}
        event = http_event("POST", url, headers, json.dumps(body), iam=True)
        arn = f"arn:aws:iam::123456789012:user/{by}"
        event["requestContext"]["authorizer"]["iam"]["userArn"] = arn
        while self.do(lambda: operator_handler.handler(event, None)) is None:
            pass

    def _has_ended(self, session_id: str) -> bool:
        try:
            return self.world.session(session_id).status == "completed"
        except AssertionError:
            return False


def _cyd() -> Any:
    from longrunning.people.policy import Policy

    return Policy(people=("cyd",))


def _is_about(body: str, wait: Wait) -> bool:
    return ("Read and answer" in body) == wait.is_question


@pytest.fixture(scope="module", autouse=True)
def _clients() -> Iterator[None]:
    with clients_made_once():
        yield


def play(at: int, after: bool) -> Fate:
    """Plays the story in a new world; returns how many calls it took."""
    fate = Fate(at, after)
    with pytest.MonkeyPatch.context() as patch:
        for world in lasting_for_a_test(patch):
            town = Town(world, fate)
            town.set_up()
            session_id = "story-1"
            task = {"type": "new", "session_id": session_id, "body": {"task": "Refund"}}
            world.send(json.dumps(task))
            town.live(session_id)
            check(town, session_id, f"call {at}, {'after' if after else 'before'}")
    return fate


def check(town: Town, session_id: str, where: str) -> None:
    """Holds the end to what must be true of it."""
    paid = sorted(refund["amount"] for refund in town.refunds.paid.values())
    assert paid == [5, 99.5], where
    assert town.world.session(session_id).outcome == "refunded", where
    waits = town.world.approvals(session_id)
    (large,) = [w for w in waits if w.needed]
    assert large.first_decide_by is not None, where
    assert large.decide_by == large.first_decide_by + 2 * 3_600, where
    assert [(v["by"], v["decision"], v["via"]) for v in large.votes or ()] == [
        ("bob", "approved", "link"), ("cyd", "approved", "iam"),
    ], where  # fmt: skip
    assert {v["digest"] for v in large.votes or ()} == {large.in_force.digest}, where
    (question,) = [w for w in waits if w.is_question]
    assert question.decided_by == "cyd", where
    assert not town.world.dead_letters(), where


def test_it_dies_at_every_call_and_all_is_paid_and_counted_once() -> None:
    calls = play(0, after=False).calls
    assert calls > 30
    step = prove_figures.size(short=SHORT_STEP, long=1)
    kills = 0
    for at in range(1, calls + 1, step):
        for after in (False, True):
            fate = play(at, after)
            kills += fate.has_died
    assert kills >= calls // step
    prove_figures.record("kill matrix", single_kills=kills, failures=0)
