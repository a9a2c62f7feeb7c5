"""What comes before what when a session pauses."""

from typing import Any

from agents import a_long_tool, give_long_tools
from converse_stand_in import tool_use
from longrunning.people.notifications import Notifier
from sample_world import World

TWO_QUESTIONS = [
    tool_use("ask-1", "human_approval", {"content": "One"}),
    tool_use("ask-2", "human_approval", {"content": "Two"}),
]


def test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail(
    world: World,
) -> None:
    seen: list[tuple[str, int]] = []
    send: Any = Notifier.send

    def look_first(*args: Any) -> None:
        seen.append((world.session("mine").status, len(world.approvals("mine"))))
        send(*args)

    world.monkeypatch.setattr(Notifier, "send", look_first)
    world.play([TWO_QUESTIONS])
    world.start(session_id="mine")
    assert seen == [("waiting", 2)]


def test_a_turn_sends_one_e_mail_for_all_its_questions(world: World) -> None:
    world.play([TWO_QUESTIONS])
    session_id = world.start()
    (sent,) = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]].published
    assert sent.subject.startswith("Approval needed (2): post-generator wants to run publish_post")
    one, two = world.read_mail()
    assert "One" in one.body and "Two" in two.body
    world.click(one.links["approve"])
    world.click(two.links["deny"])
    asked = {a.asked.content: a.status for a in world.approvals(session_id)}
    assert asked == {"One": "APPROVED", "Two": "DENIED"}


def test_a_job_beside_a_question_is_started_and_not_asked_about(world: World) -> None:
    started: list[str] = []
    render = a_long_tool(lambda wait: started.append(wait.tool_use_id))
    give_long_tools(world.monkeypatch, render)
    world.play([[*TWO_QUESTIONS, tool_use("job-1", "render", {})]])
    world.start()
    assert (len(world.read_mail()), started) == (2, ["job-1"])


def test_a_repeated_notification_leaves_out_what_is_decided_by_then(world: World) -> None:
    send: Any = Notifier.send

    failures = [RuntimeError("sent, and nobody was told")]

    def send_and_fail(*args: Any) -> None:
        send(*args)
        if failures:
            raise failures.pop()

    world.monkeypatch.setattr(Notifier, "send", send_and_fail)
    world.play([TWO_QUESTIONS])
    world.start(session_id="mine")
    first, _ = world.read_mail()
    world.click(first.links["approve"])
    world.deliver_until_quiet()
    (second,) = world.read_mail()
    assert "One" in first.body and "Two" in second.body
