"""What an approver sends is done exactly as it was sent, or refused and nothing is decided."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

import approval_handler
from converse_stand_in import tool_use
from longrunning_testkit.worlds import http_event
from sample_world import World

DRAFT = "Summer at Unicorn Rentals: two rides for one!"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture
def link(world: World) -> str:
    """The link that approves, of an agent that waits to publish."""
    ask = tool_use("ask-1", "human_approval", {"content": DRAFT})
    world.play([[ask], [tool_use("post-1", "publish_post", {"content": DRAFT})], "Done."])
    world.start()
    (mail,) = world.read_mail()
    return mail.links["approve"]


def send(world: World, url: str, content_type: str, body: str) -> dict[str, Any]:
    """Sends a POST as a program does; returns status and JSON."""
    headers = {"accept": "*/*", "content-type": content_type}
    answer = approval_handler.handler(
        http_event("POST", urlsplit(url), headers, body), world.context
    )
    return {"status_code": answer["statusCode"], **json.loads(answer["body"])}


@pytest.mark.parametrize(
    ("content_type", "body", "query", "named"),
    [
        (JSON, '{"decision": "approved", "amount": 25}', "", "amount"),
        (JSON, '{"decision": "approved", "arguments": {"amount": 25}}', "", "arguments"),
        (JSON, '{"decision": "approved", "unicorn_color": "pink"}', "", "unicorn_color"),
        (JSON, '{"decision": "approved", "Content": "Mine"}', "", "Content"),
        (JSON, '{"decision": "denied", "content": "Mine"}', "", "content"),
        (JSON, '{"decision": "approved", "comment": "a", "comment": "b"}', "", "comment"),
        (FORM, "decision=approved&amount=25", "", "amount"),
        (FORM, "decision=approved&content=a&content=b", "", "content"),
        (FORM, '{"decision": "denied"}', "", "application/json"),
        (FORM, "decision=approved", "&amount=25", "amount"),
        (FORM, "", "&content=Mine", "content"),
    ],
)
def test_what_would_not_be_done_is_refused_by_name_and_nothing_is_decided(
    world: World, link: str, content_type: str, body: str, query: str, named: str
) -> None:
    before = world.snapshot()
    answer = send(world, link + query, content_type, body)
    assert answer["status_code"] == 400
    assert named in answer["error"]
    assert world.snapshot() == before
    assert world.deliver_all() == 0
    assert send(world, link, FORM, "decision=approved")["status_code"] == 200
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == [DRAFT]
