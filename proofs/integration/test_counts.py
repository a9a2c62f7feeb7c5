"""What one approval without faults costs here, counted from the functions' own traces."""

import time
from collections import Counter

from local_stack import LocalStack

STEPS = {"run", "decide", "resume"}
CALLS = {
    "ChangeMessageVisibility": 2,
    "PutItem": 3,
    "UpdateItem": 3,
    "Query": 1,
    "Publish": 1,
    "SendMessage": 1,
}


def test_an_approval_takes_11_calls_of_which_6_are_writes(stack: LocalStack, task: str) -> None:
    _approve(stack, f"{task}, to warm up")  # New environments read the link key once.
    started = time.time()
    session_id = _approve(stack, f"{task}, to count")
    spans = stack.spans(started)
    traces = {
        span["trace_id"]
        for span in spans
        if span["name"] in STEPS and span["annotations"].get("session_id") == session_id
    }
    operations = [span["operation"] for span in spans if span["trace_id"] in traces]
    assert Counter(filter(None, operations)) == CALLS
    assert sum(CALLS.values()) == 11


def _approve(stack: LocalStack, task: str) -> str:
    session_id = stack.send({"type": "new", "body": {"task": task}})
    links = stack.wait_for_mail(task)["links"]
    assert stack.post_form(links[0]["url"], decision="approved").status == 200
    stack.wait_until_completed(session_id)
    stack.wait_until_quiet()
    return session_id
