"""What comes before what when a session pauses."""

from collections.abc import Callable
from typing import Any

import pytest

from converse_stand_in import tool_use
from longrunning.notifications import Notifier
from world import World

TWO_QUESTIONS = [
    tool_use("ask-1", "human_approval", {"content": "One"}),
    tool_use("ask-2", "human_approval", {"content": "Two"}),
]


@pytest.fixture
def before_each_mail(world: World) -> Callable[[Callable[[str], None]], None]:
    """Has something happen before each e-mail; it is given the tool use that the mail is about."""
    send = Notifier.send

    def before_each_mail(happens: Callable[[str], None]) -> None:
        def first(notifier: Notifier, topic_arn: str, approval: Any, *occasion: str) -> None:
            happens(approval.tool_use_id)
            send(notifier, topic_arn, approval, *occasion)

        world.monkeypatch.setattr(Notifier, "send", first)

    return before_each_mail


def test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail(
    world: World, before_each_mail: Callable[[Callable[[str], None]], None]
) -> None:
    seen: list[tuple[str, int]] = []
    before_each_mail(
        lambda _: seen.append((world.session("mine").status, len(world.approvals("mine"))))
    )
    world.play([TWO_QUESTIONS])
    world.start(session_id="mine")
    assert seen == [("waiting", 2)] * 2


def test_a_repeated_notification_leaves_out_what_is_decided_by_then(
    world: World, before_each_mail: Callable[[Callable[[str], None]], None]
) -> None:
    failing = {"ask-2"}

    def fail(tool_use_id: str) -> None:
        if tool_use_id in failing:
            raise RuntimeError("no mail today")

    before_each_mail(fail)
    world.play([TWO_QUESTIONS])
    world.start(session_id="mine")
    (first,) = world.read_mail()
    world.click(first.links["approve"])
    failing.clear()
    world.deliver_until_quiet()
    (second,) = world.read_mail()
    assert "One" in first.body and "Two" in second.body
