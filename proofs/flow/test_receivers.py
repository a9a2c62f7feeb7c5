"""What receivers do: answer late, refuse, take their time; and what the stack makes of it."""

import json
from typing import Any

import pytest

import sample_post as publish_post
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.waits.item import Status
from sample_world import World
from test_detours import contents, publish, told

EFFECT_SECONDS = 18


class Receiver:
    """Answers as it is told to, by the number of the request; remembers what it accepted."""

    def __init__(self, world: World, *fates: int | None, seconds: float = 0) -> None:
        self.requests: list[tuple[str, str]] = []
        self.made: dict[str, str] = {}
        self._world, self._fates, self._seconds = world, fates, seconds

    def send(self, request: Any) -> publish_post.Answer:
        key, text = request.headers["Idempotency-Key"], json.loads(request.data)["content"]
        fates = self._fates or (201,)
        fate = fates[min(len(self.requests), len(fates) - 1)]
        self.requests.append((key, text))
        self._world.step(self._seconds)
        if fate is None or fate == 201:
            self.made[key] = text
        if fate is None:
            raise publish_post.PublishFailedError("ReadTimeoutError")
        return publish_post.Answer(fate, b'{"post_id": "17", "error": "as it says"}')


def publish_one(world: World, monkeypatch: pytest.MonkeyPatch, *fates: int | None) -> Receiver:
    """Has a text approved and published; the model says what it was told."""
    receiver = Receiver(world, *fates)
    monkeypatch.setattr(publish_post, "send", receiver.send)
    world.play([[tool_use("ask-1", "human_approval", {"content": "Hi"})], [publish("p-1", "Hi")],
                "Done.", "Done."])  # fmt: skip
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    receiver.session_id = session_id  # type: ignore[attr-defined]
    return receiver


def test_409_while_the_first_request_is_at_work_is_tried_again_with_the_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = publish_one(world, monkeypatch, None, 409, 201)
    assert len(set(receiver.requests)) == 1
    assert len(receiver.requests) == 3
    (approval,) = world.approvals(receiver.session_id)  # type: ignore[attr-defined]
    assert not approval.refused
    assert world.session(approval.session_id).outcome == "published"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_of_the_first_request_counts_and_is_not_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    receiver = publish_one(world, monkeypatch, status)
    assert len(receiver.requests) == 1
    (approval,) = world.approvals(receiver.session_id)  # type: ignore[attr-defined]
    assert (approval.status, approval.refused) == (Status.SPENT, True)
    assert approval.answer
    assert "as it says" in approval.answer["text"]
    assert not world.dead_letters()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_of_a_repeat_is_nobodys_no(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The first request may have been accepted: told as refused, the model would ask again."""
    receiver = publish_one(world, monkeypatch, None, status)
    (approval,) = world.approvals(receiver.session_id)  # type: ignore[attr-defined]
    assert receiver.made == {approval.key: "Hi"}
    assert not approval.refused
    assert len(world.dead_letters()) == 1, "somebody has to look"
    assert world.session(approval.session_id).status == sessions.WAITING


def test_a_refusal_is_known_after_a_crash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from longrunning.sessions import SessionStore

    saves = iter([True])
    save = SessionStore.save

    def dies_once(*given: Any, **more: Any) -> Any:
        if next(saves, False):
            raise ConnectionError
        return save(*given, **more)

    monkeypatch.setattr(SessionStore, "save", dies_once)
    receiver = publish_one(world, monkeypatch, 422)
    assert len(receiver.requests) == 1
    assert world.session(receiver.session_id).status == sessions.COMPLETED  # type: ignore[attr-defined]
    assert not world.dead_letters()


@pytest.mark.parametrize("count", [6, 18, 20])
def test_a_turn_of_slow_approved_calls_goes_on_where_its_time_was_over(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    receiver = Receiver(world, seconds=EFFECT_SECONDS)
    monkeypatch.setattr(publish_post, "send", receiver.send)
    world.play([[publish(f"p-{n}", f"Text {n}") for n in range(count)], "Done."])
    session_id = world.start()
    for mail in world.read_mail():
        world.click(mail.links["approve"])
    world.deliver_until_quiet(most=80)
    assert not world.dead_letters()
    assert world.session(session_id).outcome == "published"
    assert sorted(text for _, text in receiver.requests) == sorted(
        f"Text {n}" for n in range(count)
    ), "nobody is asked twice"
    results = world.stand_in.requests[-1]["messages"][-1]["content"]
    assert [told(b["toolResult"])["result"] for b in results] == ["Published as post 17."] * count


def test_what_was_published_is_not_sent_again_because_the_model_took_too_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver(world)
    monkeypatch.setattr(publish_post, "send", receiver.send)
    runs: list[int] = []

    def model(request: Any) -> Any:
        if len(request["messages"]) == 1:
            return [publish("p-1", "Hi")]
        runs.append(1)
        if len(runs) == 1:
            import time

            time.sleep(1.2)
        return "Done."

    world.play(model)
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.with_time_left(11)
    world.deliver_until_quiet()
    assert len(runs) == 2
    assert len(receiver.requests) == 1
    assert world.session(session_id).outcome == "published"


def test_an_edit_that_the_tool_no_longer_takes_is_told_and_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import copy

    world.play([[publish("p-1", "Hi")], "I see."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], decision="approved", content="Much longer than before")
    narrower = copy.deepcopy(publish_post.TOOL_SPEC)
    narrower["inputSchema"]["json"]["properties"]["content"]["maxLength"] = 10
    monkeypatch.setattr(publish_post, "TOOL_SPEC", narrower)
    world.play(["I see."])
    world.deliver_until_quiet()
    assert contents(world) == []
    (approval,) = world.approvals(session_id)
    assert (approval.status, approval.not_done) == (Status.APPROVED, "end_turn")
    assert world.session(session_id).outcome == "not_done"
