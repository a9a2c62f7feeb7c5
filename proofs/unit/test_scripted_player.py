"""The script for tools that it has never seen: what it calls next, and what it says at the end."""

import json
from typing import Any

import pytest

from longrunning import human_approval
from longrunning.agent.scripted.player import in_order, play

TASK = "Order hay for the north stable."


def spec(name: str, **properties: Any) -> Any:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": "x", "inputSchema": {"json": schema}}


SEND = spec("send_note", text={"type": "string", "maxLength": 60})
COUNT = spec("count_hay", bales={"type": "integer"})


class Session:
    """A conversation in which the tools answer as told."""

    def __init__(self, *specs: Any, task: str = TASK) -> None:
        self.specs = list(specs)
        self.messages: list[Any] = [{"role": "user", "content": [{"text": task}]}]
        self.next()

    def next(self) -> None:
        self.messages.append({"role": "assistant", "content": play(self.messages, self.specs)})

    def answer(self, text: Any, status: str = "success") -> None:
        said = text if isinstance(text, str) else json.dumps(text)
        result = {"toolUseId": self.use["toolUseId"], "status": status, "content": [{"text": said}]}
        self.messages.append({"role": "user", "content": [{"toolResult": result}]})
        self.next()

    @property
    def use(self) -> dict[str, Any]:
        [use] = [b["toolUse"] for b in self.messages[-1]["content"] if "toolUse" in b]
        return use

    @property
    def words(self) -> str:
        [block] = self.messages[-1]["content"]
        return str(block["text"])


def denied(comment: str | None = None) -> dict[str, Any]:
    return {"decision": "denied", "decided_by": "link", "comment": comment, "next": "Revise it."}


def test_tools_that_look_come_first_and_asking_is_left_to_the_gate() -> None:
    names = ["human_approval", "send_refund", "listen", "get_order", "lookupOrder", "is_open"]
    played = [s["name"] for s in in_order([spec(name) for name in names])]
    assert played == ["get_order", "lookupOrder", "is_open", "send_refund", "listen"]


def test_a_person_is_asked_where_there_is_nothing_else_to_call() -> None:
    session = Session(human_approval.TOOL_SPEC)
    assert session.use["name"] == "human_approval"
    assert session.use["input"] == {"content": TASK}
    session.answer({"decision": "approved", "content": TASK, "edited": False, "next": "Go on."})
    assert session.words == "Done.\nhuman_approval: approved"


def test_without_any_tool_it_says_so() -> None:
    assert Session().words == "I could not finish this task. There is no tool to call."


def test_a_tool_is_called_once() -> None:
    session = Session(SEND, COUNT)
    assert session.use["name"] == "count_hay"
    session.answer("3 bales")
    assert session.use["name"] == "send_note"
    session.answer("Sent.")
    assert session.words == "Done.\ncount_hay: done: 3 bales\nsend_note: done: Sent."


def test_a_denial_is_answered_with_the_comment_twice_at_most() -> None:
    session = Session(SEND)
    texts = [session.use["input"]["text"]]
    for comment in ("Shorter.", None):
        session.answer(denied(comment), "error")
        texts.append(session.use["input"]["text"])
    assert texts == [TASK, f"{TASK}\n\n(revised: Shorter.)", f"{TASK}\n\n(revised again)"]
    session.answer(denied("No."), "error")
    assert session.words.endswith("send_note: denied 3 times, so I stopped. It was not done.")


def test_the_same_call_is_not_made_twice() -> None:
    """A comment that has no place in the call changes nothing in it."""
    session = Session(COUNT)
    session.answer(denied("Another number."), "error")
    assert "count_hay: denied and I have nothing to change in it" in session.words


def test_a_comment_as_long_as_the_field_leaves_a_text_that_differs() -> None:
    session = Session(SEND)
    session.answer(denied("x" * 500), "error")
    assert len(session.use["input"]["text"]) == 60


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ("paid", "success", "Done.\nsend_note: done: paid"),
        ("", "success", "Done.\nsend_note: done"),
        ("Invalid call", "error", "I could not finish this task.\nsend_note: failed: Invalid call"),
        ("[" * 9_000, "success", "Done.\nsend_note: done: " + "[" * 300),
        ("two\n lines", "success", "Done.\nsend_note: done: two lines"),
        (
            {"decision": "approved", "edited": True, "result": "Sent."},
            "success",
            "Done.\nsend_note: approved with an edit and done: Sent.",
        ),
        (
            {"decision": "approved", "edited": False, "result": "No."},
            "error",
            "I could not finish this task.\nsend_note: approved, and not done: No.",
        ),
        (
            {"decision": "expired", "next": "Stop."},
            "error",
            "I could not finish this task.\n"
            "send_note: nobody decided in time, so I stopped. It was not done.",
        ),
        ({"decision": 7}, "success", "Done.\nsend_note: done"),
    ],
)
def test_the_last_words_tell_what_came_of_a_call(answer: Any, status: str, words: str) -> None:
    session = Session(SEND)
    session.answer(answer, status)
    assert session.words == words


def test_what_went_wrong_is_told_first() -> None:
    session = Session(COUNT, SEND)
    session.answer("3 bales")
    session.answer("The till is closed.", "error")
    assert session.words.splitlines()[1].startswith("send_note: failed")


def test_the_same_conversation_gets_the_same_answer() -> None:
    assert Session(SEND).messages == Session(SEND).messages
    assert Session(SEND).use["toolUseId"] != Session(SEND, task="Another").use["toolUseId"]


def test_a_later_task_of_a_session_starts_afresh() -> None:
    session = Session(SEND)
    session.answer("Sent.")
    session.messages.append({"role": "user", "content": [{"text": "And straw."}]})
    session.next()
    assert session.use["input"] == {"text": "And straw."}
