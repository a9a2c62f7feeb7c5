"""The tool `ask_human`: a person answers a question, with a text, a choice or a small form.

It waits like `human_approval`, with the same links and the same e-mail. Only a person answers: no
queue message does, whatever it says.
"""

import json
from typing import Any

from longrunning.codec import is_unicode
from longrunning.human_approval import ToolResult, ToolUse, pause
from longrunning.messages import tool_result
from longrunning.people import forms

MAX_QUESTION_CHARS = 4_000
MAX_CHOICES, MAX_CHOICE_CHARS = 50, 200
MAX_FIELDS, MAX_SCHEMA_BYTES = 12, 4_096
MAX_ANSWER_BYTES = 12_288
"""In JSON: a claim takes the questions of a turn, their schemas and their answers in one write."""

NAME = "ask_human"

TOOL_SPEC: dict[str, Any] = {
    "name": NAME,
    "description": (
        "Asks a person a question. The answer can take days; you are stopped and continue when it "
        "is there. Give choices, or a schema of a small form, if a free text is not what you need. "
        "Never ask for passwords or other secrets."
    ),
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "question": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_QUESTION_CHARS,
                    "description": "The question, with all that a person needs to answer it.",
                },
                "choices": {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": MAX_CHOICE_CHARS},
                    "minItems": 2,
                    "maxItems": MAX_CHOICES,
                    "uniqueItems": True,
                    "description": "The answers to choose from, instead of a free text.",
                },
                "schema": {
                    "type": "object",
                    "description": (
                        "A JSON schema of a form, instead of a free text: an object of at most 12 "
                        "texts, numbers, booleans, dates or lists, each with a title."
                    ),
                },
            },
            "required": ["question"],
        }
    },
}

FREE_TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "title": "Your answer", "minLength": 1}},
    "required": ["answer"],
}


class NoFormError(ValueError):
    """A person cannot be asked this; the model reads why."""


def ask_human(tool: ToolUse, **kwargs: Any) -> ToolResult:
    """Asks a person: notes the tool use and stops the agent.

    Args:
        tool: The Converse tool use; its input is as `TOOL_SPEC` says.
        **kwargs: Strands' invocation state.

    Returns:
        A placeholder result; or an error result at once, and no pause, for what cannot be asked.
    """
    try:
        question_of(tool.get("input"))
    except NoFormError as problem:
        return tool_result(tool["toolUseId"], "error", str(problem))
    return pause(tool, "Waiting for a person's answer.", **kwargs)


def question_of(given: Any) -> tuple[str, dict[str, Any]]:
    """Returns the question, and the schema of its answer: a flat object.

    Raises:
        NoFormError: A person cannot be asked this.
    """
    if not isinstance(given, dict):
        raise NoFormError("input: expected an object.")
    question = given.get("question")
    if not isinstance(question, str) or not question.strip():
        raise NoFormError("question: expected a text.")
    if len(question) > MAX_QUESTION_CHARS or not is_unicode(question):
        raise NoFormError(f"question: expected at most {MAX_QUESTION_CHARS} characters of Unicode.")
    choices, schema = (_meant(given.get(name)) for name in ("choices", "schema"))
    if choices is not None and schema is not None:
        raise NoFormError("choices, schema: expected one of them.")
    if choices is not None:
        return question, _of_choices(choices)
    return question, FREE_TEXT if schema is None else _of_schema(schema)


def problem_of(answer: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Returns what is wrong with an answer, or None.

    Args:
        answer: By field.
        schema: As `question_of` returned it.
    """
    fields = schema["properties"]
    if unknown := sorted(answer.keys() - fields.keys()):
        return f"answer.{unknown[0]:.60}: not known; expected only {', '.join(fields)}"
    for name in fields:
        if name not in answer:
            if name in schema.get("required", ()):
                return f"answer.{name}: expected one"
            continue
        if problem := forms.problem_of(answer[name], fields[name]):
            return f"answer.{name}: {problem}"
    return None


def _meant(value: Any) -> Any:
    """Models of some kinds send a list or an object as its JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value


def _of_choices(choices: Any) -> dict[str, Any]:
    is_list = isinstance(choices, list) and 2 <= len(choices) <= MAX_CHOICES
    if not is_list or not all(_is_choice(choice) for choice in choices):
        raise NoFormError(
            f"choices: expected 2 to {MAX_CHOICES} texts of 1 to {MAX_CHOICE_CHARS} characters."
        )
    if len(set(choices)) < len(choices):
        raise NoFormError("choices: expected each once.")
    field = {"type": "string", "title": "Your answer", "enum": choices}
    return {"type": "object", "properties": {"answer": field}, "required": ["answer"]}


def _is_choice(choice: Any) -> bool:
    is_text = isinstance(choice, str) and bool(choice.strip())
    return is_text and len(choice) <= MAX_CHOICE_CHARS and is_unicode(choice)


def _of_schema(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise NoFormError('schema: expected {"type": "object", "properties": …}.')
    fields, required = schema.get("properties"), schema.get("required", [])
    if unheld := sorted(schema.keys() - {"type", "properties", "required", *forms.NOTES}):
        raise NoFormError(f"schema: {', '.join(map(str, unheld))}: a form cannot hold that.")
    if not isinstance(fields, dict) or not 0 < len(fields) <= MAX_FIELDS:
        raise NoFormError(f"schema.properties: expected 1 to {MAX_FIELDS} fields.")
    for name, field in fields.items():
        if problem := forms.obstacle_of(field):
            raise NoFormError(f"schema.properties.{name}: {problem}.")
    if not isinstance(required, list) or not set(map(str, required)) <= fields.keys():
        raise NoFormError("schema.required: expected names of its fields.")
    held = {name: forms.held(field) for name, field in fields.items()}
    form = {"type": "object", "properties": held, "required": required}
    text = json.dumps(form, ensure_ascii=False)
    if not is_unicode(text) or len(text.encode()) > MAX_SCHEMA_BYTES:
        raise NoFormError(f"schema: expected at most {MAX_SCHEMA_BYTES} bytes of Unicode.")
    return form
