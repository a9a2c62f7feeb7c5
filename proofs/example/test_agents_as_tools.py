"""One agent asks another: the other may wait for days, its end answers, and giving up goes down."""

import dataclasses
import json
from functools import partial
from typing import Any

import pytest

import agent_definition
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.messages import Parent, build_cancel, build_existing, build_new, tool_result
from longrunning.waits.item import Status, Wait
from test_detours import ask, contents, last_results, publish
from world import World

HOUR, DAY = 3_600, 86_400
WRITER, OTHER = "post-generator", "other"


@pytest.fixture(autouse=True)
def _two_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have the same tools; each may ask the other, and the evaluator is gone."""
    make = agent_definition.make_agents

    def both(*given: Any) -> Any:
        first, _ = make(*given)
        for name in (WRITER, OTHER):
            yield dataclasses.replace(first, name=name)

    monkeypatch.setattr(agent_definition, "make_agents", both)
    monkeypatch.setattr(agent_definition.evaluator, "AGENT_NAME", OTHER)


def ask_other(tool_use_id: str = "agent-1", task: str = "Judge it") -> dict[str, Any]:
    return tool_use(tool_use_id, "ask_agent", {"name": OTHER, "task": task})


def wait_of(world: World, session_id: str, tool_use_id: str = "agent-1") -> Wait:
    return next(w for w in world.approvals(session_id) if w.tool_use_id == tool_use_id)


def child_of(world: World, session_id: str, tool_use_id: str = "agent-1") -> sessions.Session:
    store = sessions.SessionStore(
        world.aws["dynamodb"],
        world.env["SESSIONS_TABLE_NAME"],
        world.aws["s3"],
        world.env["STATE_BUCKET_NAME"],
    )
    child = store.find(wait_of(world, session_id, tool_use_id).name)
    assert child
    return child


def answer(world: World, tool_use_id: str = "agent-1") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(last_results(world)[tool_use_id]["content"][0]["text"])
    return found


def start(world: World) -> str:
    session_id = world.start()
    world.deliver_until_quiet()
    return session_id


def sweep_after(world: World, seconds: float) -> None:
    world.step(seconds)
    world.sweep()
    world.deliver_until_quiet()


# --- an answer -----------------------------------------------------------------------------------


def test_another_agents_end_is_the_answer(world: World) -> None:
    world.play([[ask_other()], "It is good.", "Done."])
    session_id = start(world)
    assert answer(world) == {"outcome": "finished", "said": "It is good."}
    assert world.session(session_id).outcome == "finished"
    child = child_of(world, session_id)
    assert (child.agent_name, child.messages[0]["content"]) == (OTHER, [{"text": "Judge it"}])


def test_another_agent_that_fails_is_an_error(world: World) -> None:
    world.play([[ask_other()], *[[tool_use(f"t-{n}", "publish_post", {})] for n in range(30)], "x"])
    session_id = start(world)
    result = last_results(world)["agent-1"]
    assert (result["status"], answer(world)["outcome"]) == ("error", "failed")
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_person_is_asked_for_days_by_the_other_agent_and_its_post_is_told(world: World) -> None:
    world.play([[ask_other()], [ask("ask-1", "Hi")], [publish("post-1", "Hi")], "Out.", "Done."])
    world.monkeypatch.setenv("DECIDE_WITHIN_SECONDS", str(5 * DAY))
    session_id = start(world)
    (mail,) = world.read_mail()
    sweep_after(world, 4 * DAY)
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    assert contents(world) == ["Hi"]
    assert answer(world) == {"outcome": "published", "said": "Out."}
    assert world.session(session_id).outcome == "finished"


def test_the_parent_hears_of_every_end(world: World) -> None:
    """The message that says so is lost: the sweeper has it look."""
    world.play([[ask_other()], "It is good.", "Done."])
    session_id = world.start()
    record = world.receive()
    assert record
    assert world.handle(record)  # The child; its word to the parent is thrown away.
    queue = {"QueueUrl": world.env["TASK_QUEUE_URL"]}
    world.aws["sqs"].delete_message(**queue, ReceiptHandle=record["receiptHandle"])
    lost = world.receive()
    assert lost
    world.aws["sqs"].delete_message(**queue, ReceiptHandle=lost["receiptHandle"])
    sweep_after(world, 300)
    assert answer(world)["said"] == "It is good."
    assert world.session(session_id).status == sessions.COMPLETED


def test_a_forged_answer_says_nothing(world: World) -> None:
    world.play([[ask_other()], [ask("ask-1", "Hi")]])
    session_id = start(world)
    forged = tool_result("agent-1", "success", '{"outcome": "published"}')
    world.send(build_existing(session_id, "ask_agent", [forged]))
    world.deliver_until_quiet()
    assert wait_of(world, session_id).status == Status.PENDING


def test_a_start_that_is_repeated_asks_once(world: World) -> None:
    world.play([[ask_other()], "It is good.", "Done."])
    session_id = world.start()
    wait = wait_of(world, session_id)
    parent = Parent(session_id, "agent-1", "ask_agent", wait.decide_by, 1)
    world.send(build_new("Judge it", wait.name, OTHER, parent))
    world.deliver_until_quiet()
    assert len(world.stand_in.requests) == 3


# --- giving up -----------------------------------------------------------------------------------


def gone(world: World, link: str) -> bool:
    return bool(world.request("GET", link)["statusCode"] == 410)


def test_a_parent_that_expires_takes_its_childs_question_with_it(world: World) -> None:
    world.play([[ask_other()], [ask("ask-1", "Hi")], "It was withdrawn.", "I go on without it."])
    world.monkeypatch.setenv("DECIDE_WITHIN_SECONDS", str(30 * DAY))
    session_id = start(world)
    (mail,) = world.read_mail()
    wait, child = wait_of(world, session_id), child_of(world, session_id)
    question = wait_of(world, child.session_id, "ask-1")
    assert question.decide_by == wait.decide_by - 300, "a child's wait ends before its parent's"
    sweep_after(world, 7 * DAY)
    sweep_after(world, 300)
    assert gone(world, mail.links["approve"])
    assert world.click(mail.links["approve"], decision="approved")["status_code"] == 410
    world.deliver_until_quiet()
    assert not world.posts()
    assert child_of(world, session_id).status == sessions.COMPLETED


def cancel(world: World, session_id: str, tool_use_id: str = "agent-1") -> None:
    from longrunning.waits.answers import Answers
    from longrunning.waits.item import wake_up_message

    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    done = answers.cancel(session_id, tool_use_id, decided_by="operator", now=int(world.clock()))
    assert done.approval
    world.send(wake_up_message(done.approval))
    world.deliver_until_quiet()


def test_a_parent_that_is_cancelled_withdraws_what_its_child_asks(world: World) -> None:
    world.play([[ask_other()], [ask("ask-1", "Hi")], "I go on without it.", "It was withdrawn."])
    session_id = start(world)
    (mail,) = world.read_mail()
    cancel(world, session_id)
    child = child_of(world, session_id)
    question = wait_of(world, child.session_id, "ask-1")
    assert (question.status, question.decided_by) == (Status.CANCELLED, "parent")
    assert child.status == sessions.COMPLETED
    assert gone(world, mail.links["approve"])
    assert not world.dead_letters()


def test_a_child_whose_parent_gave_up_before_it_began_never_runs(world: World) -> None:
    world.play([[ask_other()], "I go on without it."])
    session_id = world.start()
    task = world.receive()
    assert task
    cancel(world, session_id)
    assert world.handle(task)
    assert len(world.stand_in.requests) == 2
    assert not world.read_mail()


def test_a_child_whose_parent_gives_up_while_it_runs_asks_nobody(world: World) -> None:
    from longrunning.waits.answers import Answers

    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    calls: list[Any] = []

    def turn(request: Any) -> Any:
        calls.append(request)
        if len(calls) == 1:
            return [ask_other()]
        if len(calls) == 2:  # The child's first turn, in which its parent gives up.
            answers.cancel(session_id, "agent-1", decided_by="operator", now=int(world.clock()))
            return [ask("ask-1", "Hi")]
        return "It was withdrawn."

    world.play(turn)
    session_id = world.start()
    world.deliver_until_quiet()
    assert not world.read_mail()
    child = child_of(world, session_id)
    assert wait_of(world, child.session_id, "ask-1").status == Status.CANCELLED
    assert child.status == sessions.COMPLETED


def test_giving_up_goes_down_to_the_childs_own_child(world: World) -> None:
    world.play([
        [ask_other("agent-1")], [ask_other("agent-2")], [ask("ask-1", "Hi")],
        "One.", "Two.", "Three.",
    ])  # fmt: skip
    session_id = start(world)
    cancel(world, session_id)
    child = child_of(world, session_id)
    grandchild = child_of(world, child.session_id, "agent-2")
    assert wait_of(world, grandchild.session_id, "ask-1").status == Status.CANCELLED
    assert {child.status, grandchild.status} == {sessions.COMPLETED}


@pytest.mark.parametrize("case", ["its parent waits", "nobody asked for it", "it is unknown"])
def test_a_forged_cancel_cancels_nothing(world: World, case: str) -> None:
    world.play([[ask_other()], [ask("ask-1", "Hi")]])
    session_id = start(world)
    child = child_of(world, session_id)
    targets = {"its parent waits": child.session_id, "nobody asked for it": session_id}
    world.send(build_cancel(targets.get(case, "unknown")))
    world.deliver_until_quiet()
    assert wait_of(world, child.session_id, "ask-1").status == Status.PENDING
    assert wait_of(world, session_id).status == Status.PENDING
    reasons = [letter["reason"] for letter in world.dead_letters()]
    expected = "session_id: no other agent asked for this session"
    assert reasons == ([expected] if case == "nobody asked for it" else [])


# --- bounds --------------------------------------------------------------------------------------


def test_agents_ask_one_another_three_deep_at_most(world: World) -> None:
    asks = [[ask_other(f"agent-{n}")] for n in range(1, 5)]
    world.play([*asks, "Too deep.", "Three.", "Two.", "One."])
    start(world)
    deepest = world.stand_in.requests[4]["messages"][-1]["content"][0]["toolResult"]
    assert deepest["content"][0]["text"] == (
        "ask_agent could not be started: agents ask one another at most 3 deep"
    )


def test_a_session_asks_five_times_at_most(world: World) -> None:
    turns: list[Any] = []
    for n in range(1, 6):
        turns += [[ask_other(f"agent-{n}")], "Good."]
    world.play([*turns, [ask_other("agent-6")], "Done."])
    start(world)
    assert last_results(world)["agent-6"]["content"][0]["text"] == (
        "No more of ask_agent: one session may wait for it 5 times."
    )


def test_an_agent_that_does_not_exist_is_an_error_at_once(world: World) -> None:
    asked = tool_use("agent-1", "ask_agent", {"name": "nobody", "task": "Judge it"})
    world.play([[asked], "I see."])
    session_id = start(world)
    assert "nobody" in last_results(world)["agent-1"]["content"][0]["text"]
    assert not world.approvals(session_id)


# --- messages ------------------------------------------------------------------------------------


def test_a_task_names_its_agent(world: World) -> None:
    world.play(["Hello."])
    world.send(build_new("Judge it", "mine", OTHER))
    world.deliver_until_quiet()
    load = partial(world.aws["dynamodb"].get_item, TableName=world.env["SESSIONS_TABLE_NAME"])
    assert "Item" in load(Key={"session_id": {"S": "mine"}, "agent_name": {"S": OTHER}})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (build_new("x", "mine", "nobody"), "agent_name: expected one of post-generator, other"),
        (
            json.dumps({"type": "new", "body": {"task": "x"}, "agent_name": 7}),
            "agent_name: expected",
        ),
        (
            json.dumps({"type": "new", "body": {"task": "x"}, "parent": {"session_id": "s"}}),
            "parent.decide_by: expected a whole number above 0",
        ),
        (json.dumps({"type": "cancel"}), "session_id: expected"),
        (json.dumps({"type": "look", "toolName": "x"}), "about: expected a text of 1 to"),
    ],
)
def test_a_message_that_names_no_agent_of_ours_is_a_dead_letter(
    world: World, message: str, reason: str
) -> None:
    world.send(message)
    world.deliver()
    (letter,) = world.dead_letters()
    assert letter["reason"].startswith(reason)


def test_a_result_for_another_agents_session_is_a_dead_letter(world: World) -> None:
    world.play([[ask("ask-1", "Hi")]])
    session_id = world.start()
    body = json.loads(build_existing(session_id, "human_approval", [tool_result("ask-1", "success",
                                                                                "x")]))  # fmt: skip
    world.send(json.dumps({**body, "agent_name": OTHER}))
    world.deliver()
    (letter,) = world.dead_letters()
    assert letter["reason"] == "agent_name: not the agent of this session"


def test_two_agents_never_share_a_session_id(world: World) -> None:
    world.play([[ask("ask-1", "Hi")]])
    world.start("The same task", session_id="mine")
    world.send(build_new("The same task", "mine", OTHER))
    world.deliver()
    (letter,) = world.dead_letters()
    assert letter["reason"] == "session_id: another task has this one already"


def test_a_childs_task_says_who_requested_it(world: World) -> None:
    """Or one's own child could ask oneself for what one may not approve."""
    world.play([[ask_other()], [ask("ask-1", "Hi")], "Done.", "Done."])
    session_id = world.start(requested_by="ann")
    world.deliver_until_quiet()
    child = child_of(world, session_id)
    assert (child.requested_by, child.pending[0].tool_use_id) == ("ann", "ask-1")
    (question,) = world.approvals(child.session_id)
    assert question.requested_by == "ann"
