"""The file to read first: the ten steps, and what is where after each.

arrive, validate, load, run, pause, save, notify, decide, resume, publish. Only the model is
scripted, and what it is sent is checked against Converse's rules; all else is the real thing.
"""

import json

from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.waits.item import Status
from sample_world import World

DRAFT = "Summer at Unicorn Rentals: two rides for one!"


def test_walkthrough(world: World) -> None:
    model = world.play(
        [
            [tool_use("ask-1", "human_approval", {"content": DRAFT})],
            [tool_use("post-1", "publish_post", {"content": DRAFT})],
            "It is published.",
        ]
    )

    # arrive, validate: a task on the queue, and nothing anywhere else
    world.send(json.dumps({"type": "new", "body": {"task": "Announce the summer sale"}}))
    assert not world.snapshot()["SESSIONS_TABLE_NAME"]

    # load (there is nothing), run until the agent asks
    record = world.deliver()
    assert record
    session_id = record["messageId"]
    assert len(model.requests) == 1

    # pause, save: the session waits, with the conversation up to the question
    session = world.session(session_id)
    assert session.status == sessions.WAITING
    assert session.pending == (sessions.PendingToolUse("ask-1", "human_approval"),)
    assert session.messages[0]["content"] == [{"text": "Announce the summer sale"}]
    assert session.messages[1]["content"][0]["toolUse"]["input"] == {"content": DRAFT}
    assert session.messages[2]["content"][0]["toolResult"]["toolUseId"] == "ask-1"
    (approval,) = world.approvals(session_id)
    assert (approval.status, approval.asked.content) == (Status.PENDING, DRAFT)
    assert approval.asked.arguments == {
        "author": "Unicorn Rentals",
        "unicorn_color": "rainbow",
        "image_url": None,
    }

    # notify: one e-mail, which shows the text and two links
    (mail,) = world.read_mail()
    assert DRAFT in mail.body
    assert mail.links.keys() == {"approve", "deny"}
    assert len(mail.subject) < 100

    # nothing runs while it waits; looking changes nothing
    before = world.snapshot()
    page = world.request("GET", mail.links["approve"], accept="text/html")
    assert page["statusCode"] == 200
    assert DRAFT in page["body"]
    assert world.snapshot() == before
    assert world.deliver() is None

    # decide: the record first, then the message
    answer = world.click(mail.links["approve"], decision="approved", comment="Lovely!")
    assert answer["status_code"] == 200
    assert answer["decision"] == "approved"
    (approval,) = world.approvals(session_id)
    assert approval.status == Status.APPROVED
    assert not world.posts()

    # resume: the agent goes on where it stopped, and publishes what was approved
    assert world.deliver_all() == 1
    results = [block["toolResult"] for block in model.requests[1]["messages"][2]["content"]]
    assert [result["toolUseId"] for result in results] == ["ask-1"]
    assert json.loads(results[0]["content"][0]["text"])["comment"] == "Lovely!"

    # publish: exactly once, exactly that
    (post,) = world.posts()
    assert (post["content"], post["author"]) == (DRAFT, "Unicorn Rentals")
    (approval,) = world.approvals(session_id)
    assert approval.status == Status.SPENT
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "published")
    assert session.messages[-1]["content"] == [{"text": "It is published."}]
    assert not world.read_mail()
    assert not world.dead_letters()
    model.assert_finished()
