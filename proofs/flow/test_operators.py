"""What operators see and stop, while the agent sleeps and after."""

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from strands.tools.tools import PythonAgentTool

import operator_handler
import sample_agent as agent_definition
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.human_approval import pause
from longrunning.messages import build_existing, tool_result
from longrunning.waits.item import Status
from longrunning_testkit.worlds import http_event
from sample_world import World

DRAFT = "Summer at Unicorn Rentals: two rides for one!"


def operator(world: World, method: str, path: str, body: Any = None, **query: str) -> Any:
    """Sends a signed request; returns status and JSON."""
    url = urlsplit(f"https://approvals.example.com/operator/{path}?{urlencode(query)}")
    headers = {"content-type": "application/json"}
    text = None if body is None else json.dumps(body)
    answer = operator_handler.handler(http_event(method, url, headers, text, iam=True), None)
    return {"status_code": answer["statusCode"], **json.loads(answer["body"])}


def cancel(world: World, session_id: str, tool_use_id: str = "ask-1", **more: str) -> Any:
    body = {"session_id": session_id, "tool_use_id": tool_use_id, **more}
    return operator(world, "POST", "cancel", body)


def ask(world: World, *more: Any) -> str:
    """Starts a task whose agent asks; `more` is how its script goes on."""
    world.play([[tool_use("ask-1", "human_approval", {"content": DRAFT})], *more])
    return world.start()


def told(world: World) -> dict[str, Any]:
    """What the model was told last."""
    (block,) = world.stand_in.requests[-1]["messages"][-1]["content"]
    text: dict[str, Any] = json.loads(block["toolResult"]["content"][0]["text"])
    return {"status": block["toolResult"]["status"], **text}


def test_a_cancelled_approval_has_a_text_of_its_own_and_ends_the_session_as_cancelled(
    world: World,
) -> None:
    session_id = ask(world, "Then I stop here.")
    assert cancel(world, session_id, comment="The stable is sold out.")["status_code"] == 200
    assert world.deliver_all() == 1
    answer = told(world)
    assert (answer["status"], answer["decision"]) == ("error", "cancelled")
    assert (answer["decided_by"], answer["comment"]) == ("iam:x", "The stable is sold out.")
    assert "withdrawn" in answer["next"]
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "cancelled")
    assert world.posts() == []
    world.stand_in.assert_finished()


def test_a_click_after_the_cancellation_is_410_and_decides_nothing(world: World) -> None:
    session_id = ask(world, "Then I stop here.")
    (mail,) = world.read_mail()
    cancel(world, session_id)
    for link in mail.links.values():
        before = world.snapshot()
        answer = world.click(link)
        assert answer["status_code"] == 410
        assert "cancelled" in answer["error"]
        assert world.snapshot() == before
    world.deliver_all()
    assert world.click(mail.links["approve"])["status_code"] == 410
    assert world.posts() == []


def test_cancelling_twice_stops_the_agent_once(world: World) -> None:
    session_id = ask(world, "Then I stop here.")
    first, second = cancel(world, session_id), cancel(world, session_id, comment="Again.")
    assert first["status_code"] == 200
    assert second == first
    assert world.deliver_all() == 2
    assert len(world.stand_in.requests) == 2
    assert cancel(world, session_id)["status_code"] == 200
    before = world.session(session_id)
    assert world.deliver_all() == 1
    assert world.session(session_id) == before
    assert len(world.stand_in.requests) == 2


@pytest.mark.parametrize(
    ("decision", "status"), [("approve", Status.APPROVED), ("deny", Status.DENIED)]
)
def test_what_is_decided_cannot_be_cancelled(world: World, decision: str, status: str) -> None:
    session_id = ask(world)
    (mail,) = world.read_mail()
    world.click(mail.links[decision])
    before = world.snapshot()
    answer = cancel(world, session_id)
    assert (answer["status_code"], answer["status"]) == (409, status)
    assert world.snapshot() == before


def test_one_of_two_approvals_can_be_cancelled(world: World) -> None:
    asks = [tool_use(f"ask-{n}", "human_approval", {"content": f"Post {n}"}) for n in (1, 2)]
    world.play([asks, [tool_use("post-2", "publish_post", {"content": "Post 2"})], "Done."])
    session_id = world.start()
    mails = {mail.body.strip()[-6:]: mail for mail in world.read_mail()}
    cancel(world, session_id, "ask-1")
    world.deliver_all()
    assert len(world.stand_in.requests) == 1, "one of two is decided: nothing runs"
    world.click(mails["Post 2"].links["approve"])
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == ["Post 2"]


def test_a_long_job_can_be_cancelled_and_its_late_result_is_ignored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"name": "render_video", "description": "Renders.", "inputSchema": {"json": {}}}
    job = PythonAgentTool("render_video", spec, lambda tool, **more: pause(tool, "...", **more))
    monkeypatch.setattr(agent_definition, "OTHER_TOOLS", [job])
    world.play([[tool_use("job-1", "render_video", {})], "Then without a video."])
    session_id = world.start()
    assert cancel(world, session_id, "job-1")["status"] == Status.CANCELLED
    world.deliver_all()
    assert told(world)["decision"] == "cancelled"
    late = tool_result("job-1", "success", "s3://videos/17.mp4")
    world.send(build_existing(session_id, "render_video", [late]))
    world.deliver_all()
    assert world.session(session_id).outcome == "cancelled"
    assert len(world.stand_in.requests) == 2


def test_the_list_has_what_waits_until_a_worker_has_taken_it(world: World) -> None:
    session_id = ask(world, "Then I stop here.")
    (entry,) = operator(world, "GET", "approvals")["approvals"]
    assert (entry["session_id"], entry["tool_use_id"]) == (session_id, "ask-1")
    assert (entry["status"], entry["preview"]) == ("PENDING", DRAFT)
    cancel(world, session_id)
    (entry,) = operator(world, "GET", "approvals")["approvals"]
    assert entry["status"] == "CANCELLED"
    world.deliver_all()
    assert operator(world, "GET", "approvals")["approvals"] == []


def test_the_history_tells_all_that_was_asked_and_decided(world: World) -> None:
    session_id = ask(
        world,
        [tool_use("ask-2", "human_approval", {"content": "Short"})],
        [tool_use("post-1", "publish_post", {"content": "Short"})],
        "Done.",
    )
    (first,) = world.read_mail()
    world.click(first.links["deny"], decision="denied", comment="Shorter, please.")
    world.deliver_all()
    (second,) = world.read_mail()
    world.click(second.links["approve"])
    world.deliver_all()
    found = operator(world, "GET", "history", session_id=session_id)["approvals"]
    assert [(e["tool_use_id"], e["decision"], e["decided_by"]) for e in found] == [
        ("ask-1", "denied", "link"), ("ask-2", "approved", "link")
    ]  # fmt: skip
    assert [e["comment"] for e in found] == ["Shorter, please.", None]
    assert [e["digest"] for e in found] == [a.in_force.digest for a in world.approvals(session_id)]
    assert [e["status"] for e in found] == ["DENIED", "SPENT"]


def test_the_history_tells_how_the_session_stands_and_ended(world: World) -> None:
    session_id = ask(world, "Then I stop here.")
    facts = operator(world, "GET", "history", session_id=session_id)["session"]
    assert (facts["status"], facts["outcome"]) == (sessions.WAITING, None)
    cancel(world, session_id)
    world.deliver_all()
    facts = operator(world, "GET", "history", session_id=session_id)["session"]
    assert (facts["status"], facts["outcome"]) == (sessions.COMPLETED, "cancelled")
    assert facts["agent_name"] == agent_definition.AGENT_NAME


def test_a_session_that_asked_nobody_has_a_history_too(world: World) -> None:
    world.play(["I could not finish this task."])
    session_id = world.start()
    found = operator(world, "GET", "history", session_id=session_id)
    assert (found["status_code"], found["approvals"]) == (200, [])
    assert found["session"]["status"] == sessions.COMPLETED


def test_who_looks_at_a_cancelled_request_reads_who_withdrew_it_and_why(world: World) -> None:
    session_id = ask(world, "Then I stop here.")
    (mail,) = world.read_mail()
    cancel(world, session_id, comment="The stable is sold out.")
    answer = world.request("GET", mail.links["approve"], accept="text/html")
    assert answer["statusCode"] == 410
    for words in ("Withdrawn", "iam:x", "The stable is sold out.", "publish_post"):
        assert words in answer["body"]
    assert "Too late" not in answer["body"]


def test_looking_changes_nothing_and_shows_no_link(world: World) -> None:
    session_id = ask(world)
    (mail,) = world.read_mail()
    token = urlsplit(mail.links["approve"]).path.rpartition("/")[2]
    before = world.snapshot()
    looks = [operator(world, "GET", "approvals"), operator(world, "GET", "history", session_id="x")]
    looks.append(operator(world, "GET", "history", session_id=session_id))
    assert world.snapshot() == before
    for part in token.split("."):
        assert part not in json.dumps(looks)
