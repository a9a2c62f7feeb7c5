"""The agent on OpenAI's chat completions, and on what speaks like it but gives ids of its own kind.

The conversation keeps the ids that the provider gave: it is the provider that takes them back.
Records, links and keys of effects have ids of ours.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chat_completions import call_ids, chat_completions, tool_messages
from loopback import Body, Call, ModelApi, Script
from strands.models.model import Model
from strands.models.openai import OpenAIModel

from agents import a_long_tool, give_long_tools
from longrunning import sessions
from longrunning.messages import build_existing, tool_result
from longrunning.waits.item import Status
from world import World

DRAFT = "Summer at Unicorn Rentals: two rides for one!"
EDITED = "Two rides for one, all summer."
OURS = re.compile(r"[A-Za-z0-9_-]{1,64}")
GIVEN = {
    "OpenAI's": "call_x8TnV2pQw0Zk7LrB3mYdH5aC",
    "as the provider likes it": "functions.human_approval:0",
    "with signs that mean something in a URL": "call/../1?x=2#3&%2F",
    "with signs that mean something in JSON": 'call "1" \\ {}',
    "not ASCII": "aufruf-ü-独角兽",
    "blank": " ",
    "of 500 characters": "call_" + "x" * 495,
}
"""Ids of tool calls. Only the first kind could be a key of ours."""

SOME = ("as the provider likes it", "of 500 characters")

Play = Callable[[Script], ModelApi]


@pytest.fixture
def play(use_model: Callable[[Model], None]) -> Iterator[Play]:
    """Gives the model its script; nothing that it is sent may break a rule."""
    with ExitStack() as stack:
        served: list[ModelApi] = []

        def start(script: Script) -> ModelApi:
            api = stack.enter_context(chat_completions(script))
            served.append(api)
            settings = {"api_key": "none", "base_url": f"{api.url}/v1", "max_retries": 0}
            use_model(OpenAIModel(client_args=settings, model_id="stand-in"))
            return api

        yield start
        assert [api.refused for api in served] == [[]] * len(served)


def ask(tool_use_id: str, text: str = DRAFT) -> Call:
    return Call("human_approval", {"content": text}, tool_use_id)


def publish(tool_use_id: str, text: str = DRAFT) -> Call:
    return Call("publish_post", {"content": text}, tool_use_id)


def decide(world: World, **decision: str) -> None:
    """Decides the one question that was asked since the last look."""
    (mail,) = world.read_mail()
    link = mail.links["deny" if decision["decision"] == "denied" else "approve"]
    assert world.click(link, **decision)["status_code"] == 200


def told(api: ModelApi, tool_use_id: str) -> dict[str, Any]:
    """Returns the decision as the model read it in the last request."""
    answer: dict[str, Any] = json.loads(tool_messages(api.requests[-1])[tool_use_id])
    return answer


# --- the whole walk -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", GIVEN)
def test_what_was_asked_is_approved_published_and_done_whatever_the_ids(
    world: World, play: Play, kind: str
) -> None:
    given = GIVEN[kind]
    api = play([[ask(given)], [publish(f"{given}2")], "It is published."])
    session_id = world.start()
    (approval,) = world.approvals(session_id)
    (pending,) = world.session(session_id).pending
    assert OURS.fullmatch(approval.tool_use_id)
    assert (pending.tool_use_id, pending.id_in_conversation) == (approval.tool_use_id, given)
    decide(world, decision="approved", comment="Lovely!")
    assert world.deliver_until_quiet() == 1
    assert [post["content"] for post in world.posts()] == [DRAFT]
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "published")
    assert told(api, given)["comment"] == "Lovely!"
    assert call_ids(api.requests[-1]) == [given, f"{given}2"]
    assert not world.dead_letters()


def test_an_id_that_no_request_can_hold_does_not_stop_its_session(world: World, play: Play) -> None:
    play([[ask("call_\ud83e")], [publish("call_2")], "It is published."])
    world.start()
    decide(world, decision="approved")
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == [DRAFT]


def test_an_id_that_can_be_a_key_is_the_key(world: World, play: Play) -> None:
    play([[ask("call_1")]])
    (approval,) = world.approvals(world.start())
    assert approval.tool_use_id == "call_1"


@pytest.mark.parametrize("kind", SOME)
def test_a_denial_reaches_the_model_under_the_id_that_it_gave(
    world: World, play: Play, kind: str
) -> None:
    api = play([[ask(GIVEN[kind])], "I stop."])
    session_id = world.start()
    decide(world, decision="denied", comment="Drop the price")
    world.deliver_until_quiet()
    assert told(api, GIVEN[kind])["comment"] == "Drop the price"
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.posts()


@pytest.mark.parametrize("kind", SOME)
def test_an_edited_text_reaches_the_model_and_is_what_is_published(
    world: World, play: Play, kind: str
) -> None:
    api = play([[ask(GIVEN[kind])], [publish("call_2", EDITED)], "It is published."])
    world.start()
    decide(world, decision="approved", content=EDITED)
    world.deliver_until_quiet()
    assert told(api, GIVEN[kind])["content"] == EDITED
    assert [post["content"] for post in world.posts()] == [EDITED]


@pytest.mark.parametrize("kind", SOME)
def test_a_protected_call_that_pauses_by_itself_is_made_once_approved(
    world: World, play: Play, kind: str
) -> None:
    api = play([[publish(GIVEN[kind])], "It is published."])
    session_id = world.start()
    decide(world, decision="approved")
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == [DRAFT]
    (approval,) = world.approvals(session_id)
    assert approval.status == Status.SPENT
    assert set(tool_messages(api.requests[-1])) == {GIVEN[kind]}


@pytest.mark.parametrize("kind", SOME)
def test_a_job_is_started_and_answered_by_our_id(
    world: World, play: Play, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    started: list[str] = []
    give_long_tools(monkeypatch, a_long_tool(lambda wait: started.append(wait.tool_use_id)))
    api = play([[Call("render", {}, GIVEN[kind])], "Here it is."])
    session_id = world.start()
    (tool_use_id,) = started
    assert OURS.fullmatch(tool_use_id)
    result = tool_result(tool_use_id, "success", "17.mp4")
    world.send(build_existing(session_id, "render", [result]))
    assert world.deliver_until_quiet() == 1
    assert tool_messages(api.requests[-1]) == {GIVEN[kind]: "17.mp4"}
    assert world.session(session_id).status == sessions.COMPLETED


# --- ids that are not unique ----------------------------------------------------------------------


def test_ids_that_begin_again_with_every_answer_are_told_apart(world: World, play: Play) -> None:
    asks = [[ask("call_0", "One")], [ask("call_0", "Two")]]
    api = play([*asks, [publish("call_0", "Two")], "Done."])
    session_id = world.start()
    decide(world, decision="denied", comment="Not this one")
    world.deliver_until_quiet()
    statuses = {a.asked.content: a.status for a in world.approvals(session_id)}
    assert statuses == {"One": Status.DENIED, "Two": Status.PENDING}
    decide(world, decision="approved", comment="This one")
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == ["Two"]
    first, second, third = call_ids(api.requests[-1])
    assert first == "call_0"
    assert all(later.endswith("call_0") for later in (second, third))
    assert told(api, first)["comment"] == "Not this one"
    assert told(api, second)["comment"] == "This one"


@pytest.mark.parametrize("given", ["call_0", "functions.human_approval:0"])
def test_two_questions_with_one_id_in_one_turn_are_two(
    world: World, play: Play, given: str
) -> None:
    api = play([[ask(given, "One"), ask(given, "Two")], "I read."])
    session_id = world.start()
    found = {a.asked.content: a for a in world.approvals(session_id)}
    assert found.keys() == {"One", "Two"}
    assert found["One"].tool_use_id != found["Two"].tool_use_id
    links = [mail.links for mail in world.read_mail()]
    world.click(links[0]["approve"], decision="approved")
    world.click(links[1]["deny"], decision="denied")
    world.deliver_until_quiet()
    first, second = call_ids(api.requests[-1])
    assert {told(api, first)["decision"], told(api, second)["decision"]} == {"approved", "denied"}
    assert world.session(session_id).status == sessions.COMPLETED


# --- calls that Strands drops, because they have no id or no name ---------------------------------

INCOMPLETE = {
    "an empty id": Call("human_approval", {"content": DRAFT}, ""),
    "null for an id": Call("human_approval", {"content": DRAFT}, None),
    "an empty name": Call("", {"content": DRAFT}, "call_1"),
    "null for a name": Call(None, {"content": DRAFT}, "call_1"),
}
DROPPED = pytest.mark.parametrize("dropped", INCOMPLETE.values(), ids=INCOMPLETE)


def is_first(body: Body) -> bool:
    """Whether there are only prompt and task: a dropped call leaves no id to go by."""
    return len(body["messages"]) == 2


@DROPPED
def test_a_call_that_is_dropped_is_a_fault_and_never_a_session_that_is_done(
    world: World, play: Play, dropped: Call
) -> None:
    play(lambda body: [dropped] if is_first(body) else "Done.")
    world.start()
    world.deliver_until_quiet()
    assert len(world.dead_letters()) == 1
    assert not world.read_mail()
    assert not world.snapshot()["SESSIONS_TABLE_NAME"]


@pytest.mark.parametrize("dropped_first", [True, False], ids=["before", "after"])
def test_beside_a_call_that_is_dropped_nothing_else_is_asked(
    world: World, play: Play, dropped_first: bool
) -> None:
    calls = [INCOMPLETE["an empty id"], ask("call_2", "Two")]
    play(lambda body: (calls if dropped_first else calls[::-1]) if is_first(body) else "Done.")
    world.start()
    world.deliver_until_quiet()
    assert len(world.dead_letters()) == 1
    assert not world.read_mail()


def test_a_provider_that_answers_in_full_the_next_time_is_asked_again(
    world: World, play: Play
) -> None:
    answers = iter([INCOMPLETE["an empty id"], ask("call_1")])
    play(lambda _: [next(answers)])
    session_id = world.start()
    world.deliver_until_quiet()
    assert len(world.read_mail()) == 1
    assert world.session(session_id).status == sessions.WAITING
    assert not world.dead_letters()


def test_an_approval_outlives_an_answer_whose_call_is_dropped(world: World, play: Play) -> None:
    play(lambda body: [publish("")] if call_ids(body) else [ask("call_1")])
    session_id = world.start()
    decide(world, decision="approved")
    world.deliver_until_quiet()
    (approval,) = world.approvals(session_id)
    assert approval.status == Status.APPROVED
    assert world.session(session_id).status == sessions.WAITING
    (letter,) = world.dead_letters()
    play([[publish("call_2")], "It is published."])
    world.send(letter["body"])
    world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == [DRAFT]
