"""What the functions log and trace in the local stack, as Lambda's runtime writes it, searched."""

import json
import uuid
from urllib.parse import urlsplit

from local_stack import LocalStack, wait_until
from prove_figures import record

PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId")


def test_no_line_of_the_stack_holds_a_secret(stack: LocalStack) -> None:
    marks = {kind: f"{kind}-{uuid.uuid4().hex}" for kind in ("task", "comment", "edit", "input")}
    session_id = walk(stack, marks)
    log = stack.state_dir / "functions.log"
    wait_until(lambda: log.read_text().count(session_id) >= 4)
    stack.send("no JSON, the last line to be written")
    stack.take_dead_letter("no JSON, the last line to be written")
    wait_until(lambda: '"message": "rejected"' in log.read_text())
    written, traced = log.read_text(), json.dumps(stack.spans())
    tokens = {
        urlsplit(link["url"]).path.rpartition("/")[2]
        for mail in stack.mails(marks["task"])
        for link in mail["links"]
    }
    assert len(tokens) == 2
    secrets = {*marks.values(), *tokens, *(token.partition(".")[2] for token in tokens)}
    assert [secret for secret in secrets if secret in written or secret in traced] == []
    assert session_id in written and session_id in traced
    assert all(words in written for words in PLATFORM)
    record("secrets", lines_of_the_stack=len(written.splitlines()))


def walk(stack: LocalStack, marks: dict[str, str]) -> str:
    """Has a task denied, asked again, edited and published; sends what makes no sense, too."""
    session_id, links = stack.ask(marks["task"])
    stack.send(json.dumps({"type": marks["input"]}))
    stack.post_form(links["approve"], decision=marks["input"])
    stack.request("GET", f"{stack.front_url}/approvals/{marks['input']}")
    stack.post_form(links["deny"], decision="denied", comment=marks["comment"])
    again = {link["label"]: link["url"] for link in stack.wait_for_mail(marks["task"], 2)["links"]}
    stack.post_form(again["approve"], decision="approved", content=marks["edit"])
    stack.wait_until_completed(session_id)
    assert stack.posts(marks["edit"])
    return session_id
