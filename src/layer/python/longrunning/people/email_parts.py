"""Writes the parts of an e-mail: each keeps to its lines, and to the bytes that it may take.

An invisible character is shown by its code point, here as on the page.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from longrunning.people.words import ENGLISH, Words
from longrunning.text import has_deadline, visible

if TYPE_CHECKING:
    from longrunning.people.directory import Person
    from longrunning.waits.item import Wait

QUOTE = "> "
"""Before each line of a text that shares its e-mail with others: none of it looks like ours."""

CUT_MARK_BYTES = 200
"""More than what is said of a cut takes, in any language."""

MAX_CASE_CHARS = 160
_MAX_ARGUMENT_CHARS = 1_000
_MAX_ARGUMENTS = 20
_MIN_CASE_CHARS = 8
_LINK = re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE)


def deadline(approval: "Wait", words: Words = ENGLISH) -> str:
    """Says until when the decision may be made."""
    if not has_deadline(approval.requested_at, approval.decide_by):
        return words.say("deadline.none")
    return words.say("deadline.email", time=words.time(approval.decide_by))


def asked_of(approval: "Wait", people: Mapping[str, "Person"]) -> str:
    """Says who was asked by name, and how many of them must agree."""
    names = ", ".join(
        one_line(people[id_].name) if id_ in people else one_line(id_)
        for id_ in approval.approvers or ()
    )
    return f"Asked: {names}. Needed: {approval.needed or 1}."


def arguments(approval: "Wait", max_bytes: int, words: Words = ENGLISH) -> str:
    """Lists the call's other arguments as JSON, so that none of them can break out of its line."""
    pairs = argument_lines(approval, max_bytes, words)
    if not pairs:
        return ""
    lines = [f"  {value}" if name is None else f"  {name}: {value}" for name, value in pairs]
    has_text = approval.asked.content is not None
    start = words.say("email.other_arguments" if has_text else "email.arguments")
    return f"\n{start}\n" + "\n".join(lines) + "\n"


def argument_lines(approval: "Wait", max_bytes: int, words: Words) -> list[tuple[str | None, str]]:
    """Returns names and values, each on one line; the last one has no name where some are left."""
    lines: list[tuple[str | None, str]] = []
    for name, value in approval.in_force.arguments.items():
        line = one_line(name), _json(value, words)
        max_bytes -= len(f"  {line[0]}: {line[1]}".encode())
        if len(lines) == _MAX_ARGUMENTS or max_bytes < 0:
            return [*lines, (None, words.say("email.more_arguments"))]
        lines.append(line)
    return lines


def content(text: str, max_bytes: int, before_lines: str = "", words: Words = ENGLISH) -> str:
    """Returns a text word for word; what is cut of it is said."""
    data = visible(text).encode()
    if len(data) > max_bytes:
        max_bytes -= max_bytes % 1024  # Said in KB below.
    shown = data[:max_bytes].decode(errors="ignore")
    lines = before_lines + shown.replace("\n", f"\n{before_lines}")
    if len(data) <= max_bytes:
        return lines
    sizes = {"shown": max_bytes // 1024, "all": -(-len(data) // 1024)}
    return f"{lines}\n\n{words.say('email.text_cut', **sizes)}"


def quoted(text: str, max_bytes: int, room: int, words: Words = ENGLISH) -> str:
    """Returns a text with `> ` before each line; of very many short lines it shows less.

    Args:
        text: The text.
        max_bytes: How much of it is shown at most.
        room: Bytes that all of it may take, the quoting and what is said of a cut included.
        words: What is said of a cut.
    """
    room -= CUT_MARK_BYTES
    shown = content(text, min(max_bytes, room), QUOTE, words)
    if len(shown.encode()) <= room:
        return shown
    return content(text, min(max_bytes, room // len(f"{QUOTE}\n")), QUOTE, words)


def beginning(text: str, room: int) -> str:
    """Returns how a text begins, in so many characters of ASCII; "" if they say too little.

    A mail program may make a link of what looks like one, in a subject, too: it is left out.
    """
    line = _LINK.sub("[link]", one_line(text[:_MAX_ARGUMENT_CHARS]))
    letters = unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode()
    plain = " ".join(letters.replace('"', "'").split())
    if room < _MIN_CASE_CHARS or 2 * len(plain) < len(line):
        return ""
    return plain if len(plain) <= room else f"{plain[: room - 3]}..."


def case(text: str) -> str:
    """Returns what an e-mail is about, as the first line that a phone shows, in quotes.

    The agent's own words: no link of theirs is one here, and no quote ends them.
    """
    line = _LINK.sub("[link]", one_line(text[:_MAX_ARGUMENT_CHARS])).replace('"', "'")
    return f'"{line}"' if len(line) <= MAX_CASE_CHARS else f'"{line[:MAX_CASE_CHARS]}..."'


def one_line(name: str) -> str:
    """Returns a name without line breaks, and not too long."""
    return " ".join(visible(name).split())[:_MAX_ARGUMENT_CHARS]


def _json(value: object, words: Words) -> str:
    text = visible(json.dumps(value, ensure_ascii=False))
    if len(text) <= _MAX_ARGUMENT_CHARS:
        return text
    return f"{text[:_MAX_ARGUMENT_CHARS]} {words.say('email.argument_cut')}"
