"""POST /callbacks/{token}: a system answers, the record first; nobody else can."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

import approval_handler
from agents import give_long_tools
from converse_stand_in import tool_use
from longrunning.agent.long_running import long_running
from longrunning.messages import build_existing, tool_result
from longrunning.people.links import (
    LinkKeys,
    callback_url,
    make_callback_token,
    make_token,
    review_url,
)
from longrunning.waits.item import Status, Wait
from longrunning_testkit.worlds import LINK_KEYS, http_event
from sample_world import World
from test_detours import ask, last_results

KEYS = LinkKeys.parse(json.dumps(LINK_KEYS))
BASE = "https://approvals.example.com"
DAY = 86_400
DONE = {"status": "success", "result": {"build": 17}}


def url_of(wait: Wait) -> str:
    token = make_callback_token(KEYS, wait.session_id, wait.tool_use_id, wait.decide_by)
    return callback_url(BASE, token)


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gives the agent a tool that hands its callback's URL to a system; returns those URLs."""
    handed: list[str] = []

    @long_running(within=timedelta(days=1), by_callback=True)
    def await_build(wait: Wait, branch: str) -> None:
        """Builds a branch.

        Args:
            branch: Its name.
        """
        handed.append(url_of(wait))

    give_long_tools(monkeypatch, await_build)
    return handed


def build(tool_use_id: str = "build-1") -> dict[str, Any]:
    return tool_use(tool_use_id, "await_build", {"branch": "main"})


def post(
    world: World, url: str, body: Any, content_type: str = "application/json", query: str = ""
) -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    parts = urlsplit(url)._replace(query=query)
    event = http_event("POST", parts, {"content-type": content_type}, text)
    answer = approval_handler.handler(event, world.context)
    return answer["statusCode"], json.loads(answer["body"])


def record(world: World, session_id: str) -> Wait:
    return next(w for w in world.approvals(session_id) if w.tool_use_id == "build-1")


def start(world: World) -> str:
    world.play([[build()], "The end."])
    return world.start()


def test_a_system_answers_and_the_agent_goes_on(world: World, urls: list[str]) -> None:
    session_id = start(world)
    assert post(world, urls[0], DONE) == (200, {"status": "recorded"})
    assert record(world, session_id).status == Status.RESOLVED, "the record first"
    assert world.deliver_until_quiet() == 1
    assert last_results(world)["build-1"]["content"] == [{"text": '{"build": 17}'}]
    assert world.session(session_id).outcome == "finished"


def test_the_first_answer_wins(world: World, urls: list[str]) -> None:
    session_id = start(world)
    assert post(world, urls[0], DONE)[0] == 200
    assert post(world, urls[0], DONE)[0] == 200, "the same again"
    assert post(world, urls[0], {"status": "error", "result": "no"})[0] == 409
    world.deliver_until_quiet()
    assert post(world, urls[0], DONE)[0] == 200, "and after the agent went on"
    assert record(world, session_id).status == Status.RESOLVED
    assert len(world.stand_in.requests) == 2


def test_a_failure_is_an_error_for_the_model(world: World, urls: list[str]) -> None:
    start(world)
    assert post(world, urls[0], {"status": "error", "result": "the build broke"})[0] == 200
    world.deliver_until_quiet()
    result = last_results(world)["build-1"]
    assert (result["status"], result["content"]) == ("error", [{"text": "the build broke"}])


def test_a_message_alone_answers_nothing(world: World, urls: list[str]) -> None:
    session_id = start(world)
    forged = tool_result("build-1", "success", "It is built.")
    world.send(build_existing(session_id, "await_build", [forged]))
    world.deliver_until_quiet()
    assert record(world, session_id).status == Status.PENDING
    assert len(world.stand_in.requests) == 1


def test_a_message_alone_answers_nothing_for_a_tool_that_is_gone(
    world: World, urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = start(world)
    give_long_tools(monkeypatch)
    world.play(["I see."])
    world.send(
        build_existing(session_id, "await_build", [tool_result("build-1", "success", "Built.")])
    )
    world.deliver_until_quiet()
    result = last_results(world)["build-1"]
    assert result["content"] == [{"text": "There is no tool await_build any more."}]


def test_a_message_alone_answers_nothing_for_a_tool_that_has_a_callback_by_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    @long_running(within=timedelta(days=1))
    def await_build(wait: Wait, branch: str) -> None:
        """Builds a branch.

        Args:
            branch: Its name.
        """

    give_long_tools(monkeypatch, await_build)
    session_id = start(world)
    await_build.by_callback = True
    world.send(
        build_existing(session_id, "await_build", [tool_result("build-1", "success", "Built.")])
    )
    world.deliver_until_quiet()
    assert record(world, session_id).status == Status.PENDING


def test_an_answer_whose_message_is_lost_is_told_by_the_sweeper(
    world: World, urls: list[str]
) -> None:
    session_id = start(world)
    post(world, urls[0], DONE)
    lost = world.receive()
    assert lost
    world.aws["sqs"].delete_message(
        QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=lost["receiptHandle"]
    )
    for _ in range(4):
        world.step(60)
        world.sweep()
        world.deliver_until_quiet()
    assert world.session(session_id).outcome == "finished"


@pytest.mark.parametrize("case", ["tampered", "unknown", "an approval's"])
def test_whatever_is_no_callback_is_one_404(world: World, urls: list[str], case: str) -> None:
    world.play([[build(), ask("ask-1", "Hi")]])
    session_id = world.start()
    question = next(w for w in world.approvals(session_id) if w.tool_use_id == "ask-1")
    unknown = make_callback_token(KEYS, session_id, "build-2", question.decide_by)
    tampered = urls[0][:-1] + ("A" if urls[0][-1] != "A" else "B")
    url = {"tampered": tampered, "unknown": callback_url(BASE, unknown)}.get(case, url_of(question))
    before = world.snapshot()
    status, body = post(world, url, DONE)
    assert (status, body) == (
        404,
        {"error": "There is no such callback. Please use the whole URL that you were given."},
    )
    assert world.snapshot() == before


def test_a_callbacks_token_decides_no_approval(world: World, urls: list[str]) -> None:
    start(world)
    link = urls[0].replace("/callbacks/", "/approvals/")
    assert world.request("GET", link)["statusCode"] == 404
    for form in ({"decision": "approved"}, {"decision": "denied"}):
        assert world.click(link, **form)["status_code"] == 404
        assert world.click(link, **form, content="Mine")["status_code"] == 404
        assert world.request("POST", link, form, accept="text/html")["statusCode"] == 404
        too_long = {**form, "comment": "x" * 5_000}
        assert world.request("POST", link, too_long, accept="text/html")["statusCode"] == 404


def test_a_link_of_what_is_no_approval_has_no_page(world: World, urls: list[str]) -> None:
    """Nobody is given one: only our key could sign it."""
    session_id = start(world)
    keys, ends_at = LinkKeys.parse(json.dumps(LINK_KEYS)), record(world, session_id).decide_by
    link = review_url("https://a.example", make_token(keys, session_id, "build-1", ends_at), "")
    assert world.request("GET", link, accept="text/html")["statusCode"] == 404
    form = {"decision": "approved", "comment": "x" * 5_000}
    answer = world.request("POST", link, form, accept="text/html")
    assert answer["statusCode"] == 400 and "<form" not in answer["body"]


@pytest.mark.parametrize("how", ["its token has expired", "it was swept", "it was cancelled"])
def test_nobody_waits_any_more(world: World, urls: list[str], how: str) -> None:
    session_id = start(world)
    if how == "it was cancelled":
        from longrunning.waits.answers import Answers

        answers = Answers(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
        answers.cancel(session_id, "build-1", decided_by="operator", now=int(world.clock()))
    else:
        world.step(DAY)
    if how == "it was swept":
        world.sweep()
    assert post(world, urls[0], DONE) == (410, {"error": "Nobody waits for this any more."})


@pytest.mark.parametrize(
    ("body", "content_type", "status", "error"),
    [
        ("{", "application/json", 400, "body: expected JSON"),
        ("[]", "application/json", 400, "body: expected a JSON object, got list"),
        ("{}", "application/json", 400, 'status: expected "success" or "error"'),
        ({"status": "done", "result": 1}, "application/json", 400, "status: expected"),
        ({"status": "success"}, "application/json", 400, "result: expected any JSON, got nothing"),
        ({"status": "success", "result": " "}, "application/json", 400, "result: expected a text"),
        ('{"status": "success", "result": "\\ud83e"}', "application/json", 400, "result: expected"),
        ({**DONE, "decision": "approved"}, "application/json", 400, "decision: not known"),
        ("status=success", "application/x-www-form-urlencoded", 415, "Content-Type: expected"),
        ({"status": "success", "result": "x" * 65_536}, "application/json", 413, "body: expected"),
        ({"status": "success", "result": "x" * 200_000}, "application/json", 413, "body: expected"),
    ],
)
def test_what_cannot_be_read_changes_nothing_and_says_why(
    world: World, urls: list[str], body: Any, content_type: str, status: int, error: str
) -> None:
    start(world)
    before = world.snapshot()
    came, said = post(world, urls[0], body, content_type)
    assert (came, said["error"][: len(error)]) == (status, error)
    assert world.snapshot() == before


def test_an_answer_in_the_query_is_none(world: World, urls: list[str]) -> None:
    start(world)
    status, said = post(world, urls[0], DONE, query="status=success")
    assert (status, said["error"]) == (400, "status: expected in the body, not in the query")


@pytest.mark.parametrize("result", [17, None, [1, 2], {"a": None}, True, "text", 1.5])
def test_any_json_is_a_result(world: World, urls: list[str], result: Any) -> None:
    start(world)
    assert post(world, urls[0], {"status": "success", "result": result})[0] == 200
    world.deliver_until_quiet()
    text = last_results(world)["build-1"]["content"][0]["text"]
    assert text == (result if isinstance(result, str) else json.dumps(result))


def test_the_queue_fails_after_the_record(world: World, urls: list[str]) -> None:
    """Sending it again tells the agent; so does the sweeper."""
    from botocore.exceptions import ClientError

    session_id = start(world)
    error = ClientError({"Error": {"Code": "InternalError", "Message": "x"}}, "SendMessage")

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    sqs = approval_handler.services().sqs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(sqs), "send_message", fail, raising=False)
        patch.setattr(sqs, "send_message", fail, raising=False)
        status, said = post(world, urls[0], DONE)
    assert (status, said["error"][:24]) == (503, "The answer is recorded, ")
    assert record(world, session_id).status == Status.RESOLVED
    assert post(world, urls[0], DONE)[0] == 200
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "finished"
