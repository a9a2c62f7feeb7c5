"""Hints, cancellations and ends of waits, where a process dies or another message is faster."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from test_agents_as_tools import _two_agents as _two_agents
from test_agents_as_tools import ask_other, child_of

from agents import give_long_tools
from longrunning import sessions
from longrunning.agent.long_running import Result
from longrunning.agent.worker import PARENT
from longrunning.messages import build_cancel, build_existing, tool_result
from longrunning.waits.answers import Answers
from longrunning.waits.item import Status, wake_up_message
from test_detours import ask
from test_long_running import HOUR, Source, record, render
from test_long_runs import RUN_SECONDS, counting
from test_long_runs import counted as counted
from world import World


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    made = Source()
    give_long_tools(monkeypatch, made.tool())
    return made


def hint_for(session_id: str) -> str:
    return build_existing(session_id, "render", [tool_result("job-1", "success", "Look.")])


def lose(world: World) -> None:
    """What was sent last never arrives."""
    lost = world.receive()
    assert lost
    delete(world, lost)


def delete(world: World, message: dict[str, Any]) -> None:
    """SQS deletes a message that was handled."""
    world.aws["sqs"].delete_message(
        QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=message["receiptHandle"]
    )


def sweep_for(world: World, seconds: int) -> None:
    for _ in range(seconds // 60):
        world.step(60)
        world.sweep()
        world.deliver_until_quiet()


def test_a_hint_that_found_nothing_yet_does_not_resume_when_it_comes_twice(
    world: World, source: Source
) -> None:
    """Its first delivery ended, so SQS has deleted it: a message of its own resumes."""
    world.play([[render()], "The end."])
    session_id = world.start()
    world.send(hint_for(session_id))
    hint = world.receive()
    assert hint
    assert world.handle(hint)
    delete(world, hint)
    source.answer = Result("17.mp4")
    world.play(dying)
    assert world.handle(hint)
    resumes = world.receive()
    assert resumes
    with pytest.raises(Died):
        world.handle(resumes)
    world.play(["The end."])
    sweep_for(world, 2 * HOUR)
    assert world.session(session_id).status == sessions.COMPLETED


class Died(BaseException):
    """The process is gone."""


def dying(request: Any) -> Any:
    raise Died


def test_a_job_that_expired_is_stopped_also_if_another_answer_resumes_its_turn(
    world: World, source: Source
) -> None:
    """The message that says that it expired is lost: the sweeper died before it sent it."""
    world.monkeypatch.setenv("DECIDE_WITHIN_SECONDS", str(24 * HOUR))
    world.play([[render(), ask("ask-1", "Hi")], "The end."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.step(6 * HOUR)
    world.sweep()  # A last look,
    world.deliver_until_quiet()
    world.step(300)
    world.sweep()  # then the end.
    lose(world)
    assert record(world, session_id).status == Status.EXPIRED
    world.click(mail.links["approve"], decision="denied")
    sweep_for(world, HOUR)
    assert world.session(session_id).status == sessions.COMPLETED
    assert source.cancelled


@pytest.mark.usefixtures("counted")
def test_a_child_that_is_cut_short_after_its_parent_gave_up_comes_back(world: World) -> None:
    """The message that withdrew its question is the one that must bring it back."""
    world.play([[ask_other()], [ask("ask-1", "Hi")], "I go on without it."])
    session_id = world.start()
    world.deliver_until_quiet()
    world.context = replace(world.context, remaining_seconds=120)
    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    done = answers.cancel(session_id, "agent-1", decided_by="operator", now=int(world.clock()))
    assert done.approval
    world.send(wake_up_message(done.approval))
    assert world.deliver()  # The parent goes on, and says that it waits no more.
    world.with_time_left(10 + RUN_SECONDS)
    world.play(counting({}, 9))
    world.deliver_until_quiet()
    world.with_time_left(120)
    sweep_for(world, 2 * HOUR)
    assert child_of(world, session_id).status == sessions.COMPLETED


def given_up_without_a_word(world: World) -> sessions.Session:
    """A parent gives up while the queue takes no message; returns the child's session."""
    world.play([[ask_other()], [ask("ask-1", "Hi")], "I go on without it.", "It was withdrawn."])
    session_id = world.start()
    world.deliver_until_quiet()
    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    done = answers.cancel(session_id, "agent-1", decided_by="operator", now=int(world.clock()))
    assert done.approval
    world.send(wake_up_message(done.approval))
    give_up = world.receive()
    assert give_up
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "SendMessage")
    call = BaseClient._make_api_call

    def refuse(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation == "SendMessage":
            raise throttled
        return call(client, operation, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refuse)
        is_done = world.handle(give_up)
    if is_done:
        delete(world, give_up)
    return child_of(world, session_id)


def test_an_operators_word_withdraws_what_a_lost_cancellation_left(world: World) -> None:
    """What `make redrive RESEND=1` sends for an orphan child."""
    child = given_up_without_a_word(world)
    for _ in range(2):  # The second time it changes nothing.
        world.send(build_cancel(child.session_id))
        world.deliver_until_quiet()
    (question,) = world.approvals(child.session_id)
    assert (question.status, question.decided_by) == (Status.CANCELLED, PARENT)
    assert session_of(world, child.session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


def session_of(world: World, session_id: str) -> sessions.Session:
    aws, env = world.aws, world.env
    table, bucket = env["SESSIONS_TABLE_NAME"], env["STATE_BUCKET_NAME"]
    found = sessions.SessionStore(aws["dynamodb"], table, aws["s3"], bucket).find(session_id)
    assert found
    return found


def test_a_child_that_is_given_up_cannot_wait_again(world: World) -> None:
    """Its model would ask for ever, and each question would be withdrawn."""
    world.play([[ask_other()], [ask("ask-1", "Hi")], "I go on without it."])
    session_id = world.start()
    world.deliver_until_quiet()
    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    done = answers.cancel(session_id, "agent-1", decided_by="operator", now=int(world.clock()))
    assert done.approval
    world.send(wake_up_message(done.approval))
    assert world.deliver()
    world.play([[ask("ask-2", "Hi again")], "The end."])
    world.deliver_until_quiet()
    child = child_of(world, session_id)
    assert (child.status, child.outcome) == (sessions.COMPLETED, "cancelled")
    assert [wait.tool_use_id for wait in world.approvals(child.session_id)] == ["ask-1"]


def test_a_childs_task_that_comes_twice_does_not_withdraw_and_die(world: World) -> None:
    """Its first delivery ended; the second one meets a parent that has given up, claims, dies.

    The message that says so finds another one's first claim, takes it for sure to come back, ends.
    """
    world.play([[ask_other()], [ask("ask-1", "Hi")], "I go on without it."])
    session_id = world.start()
    task = world.receive()
    assert task
    assert world.handle(task)
    delete(world, task)
    answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    done = answers.cancel(session_id, "agent-1", decided_by="operator", now=int(world.clock()))
    assert done.approval
    world.send(wake_up_message(done.approval))
    assert world.deliver()  # The parent; its word to the child is still on the queue.
    call, is_dead = BaseClient._make_api_call, False

    def unless_dead(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if is_dead:
            raise Died
        return call(client, operation, request)

    def die(request: Any) -> Any:
        nonlocal is_dead
        is_dead = True
        raise Died

    world.play(die)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", unless_dead)
        try:
            world.handle(task)
        except Died:
            is_dead = False
    world.play(lambda request: "It was withdrawn.")
    sweep_for(world, 2 * HOUR)
    assert child_of(world, session_id).status == sessions.COMPLETED
