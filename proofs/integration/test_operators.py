"""The operators' routes on the emulator, as people call them: with curl's signature, with make."""

import json
import os
import subprocess
from typing import Any

from local_stack import PYTHON, ROOT, LocalStack


def test_the_list_leads_from_page_to_page_through_all_that_is_open(
    stack: LocalStack, task: str
) -> None:
    mine = [stack.ask(f"{task} {number}")[0] for number in range(3)]
    url = f"{stack.api_url('ApprovalApi')}/operator/approvals?limit=1"
    found: list[tuple[int, str]] = []
    page = stack.signed("GET", url).json
    while page["next"]:
        assert len(found) < 1_000, "it goes round in a circle"
        found += [(entry["due_at"], entry["session_id"]) for entry in page["approvals"]]
        page = stack.signed("GET", f"{url}&next={page['next']}").json
    found += [(entry["due_at"], entry["session_id"]) for entry in page["approvals"]]
    assert sorted(session for _, session in found if session in mine) == sorted(mine)
    assert [due_at for due_at, _ in found] == sorted(due_at for due_at, _ in found)
    everything = stack.signed("GET", url.replace("limit=1", "limit=100")).json
    assert everything["next"] is None
    assert [entry["session_id"] for entry in everything["approvals"]] == [s for _, s in found]


def test_a_link_to_the_inbox_wants_a_signature_of_somebody_in_the_file(stack: LocalStack) -> None:
    """This stack has no people: whoever signs gets as far as the function, and no link."""
    url = f"{stack.front_url}/operator/inbox-link"
    signed, unsigned = stack.signed("POST", url, body={}), stack.request("POST", url)
    assert (signed.status, unsigned.status) == (403, 403)
    assert "nobody in people.toml" in signed.json["error"]
    assert "error" not in unsigned.json


def approvals(stack: LocalStack, **options: str) -> "subprocess.CompletedProcess[str]":
    """Runs `make approvals`, as make does, for the stack that runs here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    layer = {"PYTHONPATH": str(ROOT / "src" / "layer" / "python")}
    return subprocess.run(
        [str(PYTHON), "-m", "operate", "approvals", "--state-dir", str(stack.state_dir)],
        cwd=ROOT,
        env=kept | layer | options,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_more_time_sends_new_links_and_they_publish(stack: LocalStack, task: str) -> None:
    session_id, old = stack.ask(task)
    [approval] = stack.approvals(session_id)
    key = f"{session_id}/{approval['tool_use_id']['S']}"
    assert key in approvals(stack).stdout
    done = approvals(stack, DO="extend", ID=key, HOURS="24")
    assert (done.returncode, "New links go out within a minute" in done.stdout) == (0, True)
    [moved] = stack.approvals(session_id)
    assert int(moved["decide_by"]["N"]) == int(approval["decide_by"]["N"]) + 86_400
    assert moved["asked_again_by"]["S"] == "iam:root"
    stack.sweep()
    mail = stack.wait_for_mail(task, count=2)
    assert mail["subject"].startswith("Reminder")
    new = {link["label"]: link["url"] for link in mail["links"]}
    assert not {*new.values()} & {*old.values()}
    stack.post_form(new["approve"].partition("?")[0], decision="approved")
    stack.wait_until_completed(session_id)
    assert len(stack.posts(task)) == 1
    again = approvals(stack, DO="extend", ID=key, HOURS="1")
    assert (again.returncode, again.stderr) == (1, "Nothing was done: it is SPENT by link.\n")


def test_the_e_mail_again_and_a_whole_look_and_nobody_decides_who_is_not_asked(
    stack: LocalStack, task: str
) -> None:
    session_id, links = stack.ask(task)
    [approval] = stack.approvals(session_id)
    key = f"{session_id}/{approval['tool_use_id']['S']}"
    shown: dict[str, Any] = json.loads(approvals(stack, DO="show", ID=key, JSON="1").stdout)
    assert shown["content"] == approval["content"]["S"]
    assert shown["digest"] == approval["digest"]["S"]
    refused = approvals(stack, DO="approve", ID=key, YES="1")
    assert refused.returncode == 1
    assert refused.stderr.startswith("You are iam:root, and nobody in people.toml has that")
    assert approvals(stack, DO="resend", ID=key).returncode == 0
    stack.sweep()
    mail = stack.wait_for_mail(task, count=2)
    assert {link["url"] for link in mail["links"]} == {*links.values()}
    cancelled = approvals(stack, DO="cancel", ID=key, COMMENT="It costs $5.")
    assert cancelled.stdout == "CANCELLED by iam:root. The agent is told.\n"
    assert "It costs $5." in approvals(stack, DO="history", ID=key).stdout
    stack.wait_until_completed(session_id)
