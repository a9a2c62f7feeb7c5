"""Many clicks at once, and looks that must change nothing. On moto two racing writers can win."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_stack import Answer, LocalStack, wait_until

CLICKS = 50
LOOKS = 100
READS = {"GetItem", "GetSecretValue"}


def test_50_clicks_at_once_are_one_decision_one_resume_and_one_post(
    stack: LocalStack, task: str
) -> None:
    session_id, links = stack.ask(task)
    started = time.time()
    answers = _at_once([(links["approve"], "approved")] * CLICKS, stack)
    assert Counter(answer.status for answer in answers) == {200: CLICKS}
    document = _document_all_agree_on(answers)
    assert set(document) == {
        "session_id", "tool_use_id", "status", "decision", "decided_by", "decided_at", "comment",
        "via", "digest", "approvers", "needed", "votes",
    }  # fmt: skip
    assert document["session_id"] == session_id
    assert (document["decision"], document["decided_by"]) == ("approved", "link")
    stack.wait_until_completed(session_id)
    stack.wait_until_quiet()
    assert len(stack.posts(task)) == 1
    spans = stack.spans(started)
    assert len(_of_session(spans, "decide", session_id)) == CLICKS
    assert len(_of_session(spans, "resume", session_id)) == 1
    assert len(_of_session(spans, "publish", session_id)) == 1
    assert len(stack.mails(task)) == 1
    [approval] = stack.approvals(session_id)
    assert approval["status"]["S"] == "SPENT"


def test_opposite_clicks_at_once_agree_on_the_first(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    clicks = [(links["approve"], "approved"), (links["deny"], "denied")] * (CLICKS // 2)
    answers = _at_once(clicks, stack)
    decided = {answer.json["decision"] for answer in answers}
    assert len(decided) == 1
    [winner] = decided
    for (_, wanted), answer in zip(clicks, answers, strict=True):
        assert answer.status == (200 if wanted == winner else 409)
    _document_all_agree_on(answers)
    if winner == "approved":
        stack.wait_until_completed(session_id)
        assert len(stack.posts(task)) == 1
    else:
        stack.wait_for_mail(task, count=2)
        assert not stack.posts(task)
        assert len(stack.approvals(session_id)) == 2


@pytest.mark.parametrize("label", ["approve", "deny"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_100_looks_at_a_link_change_nothing(
    stack: LocalStack, task: str, method: str, label: str
) -> None:
    session_id, links = stack.ask(task)
    stack.wait_until_quiet()
    session, approvals = stack.session(session_id), stack.approvals(session_id)
    started = time.time()
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(stack.request, method, links[label]) for _ in range(LOOKS)]
        statuses = Counter(look.result().status for look in looks)
    assert statuses == {204 if method == "OPTIONS" else 200: LOOKS}
    assert stack.session(session_id) == session
    assert stack.approvals(session_id) == approvals
    assert stack.messages_in("queue_url") == 0
    assert len(stack.mails(task)) == 1
    operations = {span["operation"] for span in stack.spans(started)} - {""}
    assert operations <= READS


def test_click_after_click_tells_what_was_decided(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    first = stack.post_form(links["approve"], decision="approved")
    stack.wait_until_completed(session_id)
    again = stack.post_form(links["approve"], decision="approved")
    opposite = stack.post_form(links["deny"], decision="denied")
    assert (first.status, again.status, opposite.status) == (200, 200, 409)
    for answer in (again, opposite):
        assert answer.json["decision"] == "approved"
        assert answer.json["decided_at"] == first.json["decided_at"]
    stack.wait_until_quiet()
    assert len(stack.posts(task)) == 1
    assert len(stack.mails(task)) == 1


def test_denials_with_a_comment_end_after_three_tries(stack: LocalStack, task: str) -> None:
    session_id = stack.send_task(task)
    for number in (1, 2, 3):
        mail = stack.wait_for_mail(task, count=number)
        deny = next(link["url"] for link in mail["links"] if link["label"] == "deny")
        answer = stack.post_form(deny, decision="denied", comment=f"Shorter, please ({number}).")
        assert answer.status == 200
        assert answer.json["comment"] == f"Shorter, please ({number})."
    stack.wait_until_completed(session_id)
    stack.wait_until_quiet()
    assert len(stack.mails(task)) == 3
    assert not stack.posts(task)


def test_edited_text_is_what_is_published(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    edit = f"{task}\r\nedited by a person\r\n\u202e"
    answer = stack.post_form(links["approve"], decision="approved", content=edit)
    assert answer.status == 200, answer.text
    stack.wait_until_completed(session_id)
    [post] = stack.posts(task)
    assert post["content"] == edit.replace("\r\n", "\n")


def test_ten_sessions_at_once_each_publish_their_own(stack: LocalStack, task: str) -> None:
    tasks = [f"{task}, number {number} of ten." for number in range(10)]
    sessions = [stack.send_task(text) for text in tasks]
    links = [stack.wait_for_mail(text)["links"][0]["url"] for text in tasks]
    answers = _at_once([(link, "approved") for link in links], stack)
    assert {answer.status for answer in answers} == {200}
    for session_id in sessions:
        stack.wait_until_completed(session_id)
    for text in tasks:
        assert len(stack.posts(text)) == 1


def test_post_without_a_body_takes_the_decision_of_the_link(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    answer = stack.request("POST", links["deny"], {"Accept": "application/json"})
    assert (answer.status, answer.json["decision"]) == (200, "denied")
    wait_until(lambda: len(stack.approvals(session_id)) == 2)


def _at_once(clicks: list[tuple[str, str]], stack: LocalStack) -> list[Answer]:
    with ThreadPoolExecutor(len(clicks)) as pool:
        return list(pool.map(lambda click: stack.post_form(click[0], decision=click[1]), clicks))


def _document_all_agree_on(answers: list[Answer]) -> dict[str, Any]:
    """Returns the answers' document: the same, though the approval is spent while others ask."""
    documents = [answer.json for answer in answers]
    for document in documents:
        assert document.pop("effect") in (None, "done")
        assert document.pop("effect_reason") is None
    assert all(document == documents[0] for document in documents)
    document: dict[str, Any] = documents[0]
    return document


def _of_session(spans: list[dict[str, Any]], name: str, session_id: str) -> list[dict[str, Any]]:
    return [
        span
        for span in spans
        if span["name"] == name and span["annotations"].get("session_id") == session_id
    ]
