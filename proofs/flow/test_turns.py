"""Turns that ask much: what a decision costs, what fits one claim, and whose claim it is."""

import json
from collections import Counter
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from agents import a_job, give_tools
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.messages import MAX_CONTENT_BYTES, build_existing, tool_result
from longrunning.waits.claims import Claims
from longrunning.waits.item import Status
from sample_world import World
from test_detours import ask, last_results, told
from wait_store import WaitStore


def decide_all(world: World, **form: str) -> None:
    for mail in world.read_mail():
        assert world.click(mail.links["approve"], **form)["status_code"] == 200


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every AWS call, by its name."""
    made: list[str] = []
    real = botocore.client.BaseClient._make_api_call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        made.append(operation)
        return real(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return made


NOT_OF_THE_TURN = ("GetSecretValue", "GetObject", "PutObject", "DeleteObject")
"""The key of a new environment, and the base of a long conversation."""


# --- what a decision costs -----------------------------------------------------------------------


def test_a_decision_costs_the_same_calls_however_many_are_asked(
    world: World, calls: list[str]
) -> None:
    early: dict[int, list[Counter[str]]] = {}
    last: dict[int, list[Counter[str]]] = {}
    for count in (2, 5, 20):
        world.play([[ask(f"ask-{n}", f"Text {n}") for n in range(count)], "Done."])
        world.start()
        mails = world.read_mail()
        for n, mail in enumerate(mails):
            calls.clear()
            world.click(mail.links["deny"])
            assert world.deliver()
            made = Counter(call for call in calls if call not in NOT_OF_THE_TURN)
            (last if n == count - 1 else early).setdefault(count, []).append(made)
    per_decision = {str(c) for found in early.values() for c in found}
    assert len(per_decision) == 1, per_decision
    ((*_, one),) = [early[20]]
    assert (one["BatchGetItem"], one["Query"], one["GetItem"]) == (1, 1, 0)
    reads = [found.pop("BatchGetItem") for (found,) in last.values()]
    assert reads == [1, 2, 3], "what is near, four times as many, and so on"
    assert len({str(found) for (found,) in last.values()}) == 1


def test_records_that_are_left_out_are_asked_for_again(world: World, calls: list[str]) -> None:
    world.play([[ask(f"ask-{n}", f"Text {n}") for n in range(5)], "Done."])
    session_id = world.start()
    mails = world.read_mail()
    for mail in mails:
        world.click(mail.links["deny"])
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    world.pocket.dynamodb.leave_unprocessed(3, calls=2)
    assert len(store.get_all(session_id, [f"ask-{n}" for n in range(5)])) == 5
    calls.clear()
    world.pocket.dynamodb.leave_unprocessed(3, calls=2)
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED
    assert calls.count("BatchGetItem") >= 3


# --- what fits one claim -------------------------------------------------------------------------


def test_the_largest_texts_of_a_turn_can_be_claimed(world: World) -> None:
    text = "x" * (MAX_CONTENT_BYTES - 10)
    world.play([[ask(f"ask-{n}", f"{n} {text}") for n in range(20)], "Done."])
    session_id = world.start()
    asked = len(world.session(session_id).pending)
    assert 5 <= asked < 20
    decide_all(world)
    world.deliver_until_quiet()
    results = last_results(world)
    refused = [r for r in results.values() if "Too much at once" in r["content"][0]["text"]]
    assert len(refused) == 20 - asked
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


def test_a_turn_can_be_claimed_however_it_was_edited(world: World) -> None:
    world.play([[ask(f"ask-{n}", f"Text {n}") for n in range(20)], "Done."])
    session_id = world.start()
    room = {a.max_edit_bytes for a in world.approvals(session_id)}
    (bytes_each,) = room
    assert bytes_each
    assert bytes_each > 25_000
    mails = world.read_mail()
    refused = world.click(
        mails[0].links["approve"], decision="approved", content="x" * (bytes_each + 1)
    )
    assert refused["status_code"] == 413
    for mail in mails:
        edited = world.click(
            mail.links["approve"],
            decision="approved",
            content="x" * bytes_each,
            comment="y" * 4_000,
        )
        assert edited["status_code"] == 200
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


def test_one_question_alone_may_be_edited_as_far_as_before(world: World) -> None:
    world.play([[ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    (approval,) = world.approvals(session_id)
    assert approval.max_edit_bytes is None
    decide_all(world, decision="approved", content="x" * MAX_CONTENT_BYTES)


def test_the_largest_results_of_a_turn_can_be_claimed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use(f"job-{n}", "render", {}) for n in range(20)], "Done."])
    session_id = world.start()
    for n in range(20):
        result = tool_result(f"job-{n}", "success", "x" * 200_000)
        world.send(build_existing(session_id, "render", [result]))
    world.deliver_until_quiet(most=80)
    assert world.session(session_id).status == sessions.COMPLETED
    results = last_results(world)
    assert {r["status"] for r in results.values()} == {"error"}
    assert "at most 30000 fit" in results["job-0"]["content"][0]["text"]
    assert not world.dead_letters()


def test_no_more_wait_in_a_turn_than_can_be_claimed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use(f"job-{n}", "render", {}) for n in range(120)], "Done."])
    session_id = world.start()
    pending = world.session(session_id).pending
    assert len(pending) == 20
    for waiting in pending:
        result = tool_result(waiting.tool_use_id, "success", "ok")
        world.send(build_existing(session_id, "render", [result]))
    world.deliver_until_quiet(most=80)
    refused = [r for r in last_results(world).values() if r["status"] == "error"]
    assert len(refused) == 100
    assert world.session(session_id).status == sessions.COMPLETED


# --- whose claim it is ---------------------------------------------------------------------------


def test_a_claim_whose_answer_was_lost_goes_on_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The AWS client repeats it, and the repeat must not wait for its own lease."""
    real = botocore.client.BaseClient._make_api_call
    lost: list[str] = []

    def lose_once(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = real(client, operation, parameters)
        is_claim = operation == "UpdateItem" and "fence :one" in parameters["UpdateExpression"]
        if is_claim and not lost:
            lost.append(operation)
            return real(client, operation, parameters)
        return answer

    world.play([[ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    decide_all(world)
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", lose_once)
    before = world.clock()
    assert world.deliver_until_quiet() == 1
    assert lost
    assert world.clock() - before < 1
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_message_of_which_half_was_told_before_resumes_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use(f"job-{n}", "render", {}) for n in (1, 2)], "Done."])
    session_id = world.start()
    first, second = (tool_result(f"job-{n}", "success", "ok") for n in (1, 2))
    world.send(build_existing(session_id, "render", [first]))
    world.deliver_until_quiet()
    world.send(build_existing(session_id, "render", [first, second]))
    before = world.clock()
    world.deliver_until_quiet()
    assert world.clock() - before < 1
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_lease_that_cannot_be_given_back_hides_no_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from converse_stand_in import throttled

    def fail(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")

    world.play([[ask("ask-1", "Hi")], *[throttled()] * 3])
    monkeypatch.setattr("strands.event_loop._retry.ModelRetryStrategy._calculate_delay",
                        lambda *_: 0, raising=False)  # fmt: skip
    world.start()
    decide_all(world)
    monkeypatch.setattr(Claims, "release", fail)
    record = world.receive()
    assert record
    assert not world.handle(record)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    codes = {line["code"] for line in lines if line.get("message", "").startswith("failed")}
    assert codes == {"ThrottlingException"}


def test_a_click_that_meets_a_claim_is_taken(world: World) -> None:
    world.play([[ask("ask-1", "Hi")], "Done."])
    session_id = world.start()
    table = world.env["APPROVALS_TABLE_NAME"]
    key = {"session_id": {"S": session_id}, "tool_use_id": {"S": "ask-1"}}
    world.pocket.dynamodb.conflict_at_next_write(table, key, writes=2)
    (mail,) = world.read_mail()
    assert world.click(mail.links["deny"])["status_code"] == 200
    world.deliver_until_quiet()
    assert told(last_results(world)["ask-1"])["decision"] == "denied"
    (record,) = world.approvals(session_id)
    assert record.status == Status.DENIED
