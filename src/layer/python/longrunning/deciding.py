"""What both APIs do with what a person says: reads an answer, measures a decision, tells the agent.

A link leads to the approval API; who signs as a person of `people.toml` uses the operators' one.
"""

import json
from typing import Any

from longrunning import observability
from longrunning.http import RefusedError, check_sendable, clean_comment
from longrunning.messages import tool_result
from longrunning.people import forms
from longrunning.text import normalise_newlines
from longrunning.waits.item import Wait, as_json, wake_up_message

METRIC_NAMES = {"approved": "ApprovalApproved", "denied": "ApprovalDenied"}


def measure(decided: Wait) -> None:
    """Counts a first decision, and how long it was waited for; or the answer to a question."""
    if decided.is_question:
        observability.put_metric("QuestionAnswered")
        return
    waited_seconds = (decided.decided_at or decided.requested_at) - decided.requested_at
    observability.put_metric(METRIC_NAMES[decided.decision or "denied"])
    observability.put_metric("TimeToDecision", waited_seconds, "Seconds")


def send_wake_up(sqs: Any, task_queue_url: str, decided: Wait) -> None:
    """Puts the message on the queue that has the agent look. What goes wrong is raised."""
    sqs.send_message(QueueUrl=task_queue_url, MessageBody=wake_up_message(decided))


def result_of(
    asked: Wait, answer: dict[str, Any] | None, comment: str | None, by: str
) -> dict[str, Any]:
    """Returns the Converse `toolResult` with a person's answer to a question.

    Args:
        asked: The question.
        answer: By field; a text for what is no text is read as a form's. None: the person declines.
        comment: What the model is told beside it.
        by: Who answers.

    Raises:
        RefusedError: 400, 413, 422: the answer does not fit the question.
    """
    from longrunning import ask_human  # Few are asked.

    comment = clean_comment(comment)
    if answer is None:
        said = {"declined": True, "comment": comment, "answered_by": by}
        return tool_result(asked.tool_use_id, "error", as_json(said))
    given = _read(answer, asked.answer_schema or {})
    if problem := ask_human.problem_of(given, asked.answer_schema or {}):
        raise RefusedError(422, problem)
    answered = {"answer": given, "comment": comment, "answered_by": by}
    if len(as_json(given).encode()) > ask_human.MAX_ANSWER_BYTES:
        raise RefusedError(413, f"answer: expected at most {ask_human.MAX_ANSWER_BYTES} bytes")
    return tool_result(asked.tool_use_id, "success", as_json(answered))


def answer_of(question: Wait) -> dict[str, Any] | None:
    """Returns what was answered, by field; None where nothing was."""
    said = json.loads((question.result or {}).get("content", [{"text": "{}"}])[0]["text"])
    found: dict[str, Any] | None = said.get("answer")
    return found


def read_typed(where: str, text: str, schema: forms.Schema) -> Any:
    """Reads what was typed into the field of a value.

    Raises:
        RefusedError: 422 for what is no value of its kind.
    """
    try:
        return forms.read(normalise_newlines(text), schema)
    except forms.NotReadError as error:
        raise RefusedError(422, f"{where}: {error}") from error


def check_texts(where: str, value: Any) -> None:
    """Checks a text, or each of a list, to be one that can be passed on.

    Raises:
        RefusedError: 400 for one that cannot.
    """
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            check_sendable(where, text)


def _read(sent: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Reads texts as a form's; a blank one of a field that is not required is none."""
    given = {}
    for name, value in sent.items():
        field = schema["properties"].get(name)
        if field is None:
            given[name] = value  # Which is refused, by its name.
            continue
        where = f"answer.{name}"
        check_texts(where, value)
        if isinstance(value, str):
            if not value.strip():
                if name in schema.get("required", ()):
                    raise RefusedError(422, f"{where}: expected one")
                continue
            value = read_typed(where, value, field)
        given[name] = value
    return given
