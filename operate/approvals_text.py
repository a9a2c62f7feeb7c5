"""What `make approvals` prints for people. All that an agent wrote is shown with `visible`."""

import json
from typing import Any

from longrunning.text import has_deadline, utc, visible

MAX_ABOUT_CHARS = 60
NOTHING_OPEN = "Nothing waits."

Document = dict[str, Any]


def table(approvals: list[Document], now: float) -> str:
    """Returns the open approvals, one a line."""
    if not approvals:
        return NOTHING_OPEN
    heads = ("ID", "AGENT", "ACTION", "AGE", "LEFT", "VOTES", "ABOUT")
    rows = [heads, *(_row(approval, now) for approval in approvals)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads) - 1)]
    lines = (
        "  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def whole(approval: Document, now: float) -> str:
    """Returns one approval with all that a person reads before deciding."""
    left = _left(approval, now)
    lines = [
        f"{approval['session_id']}/{approval['tool_use_id']}: {approval['status']}",
        f"agent       {_line(approval['agent_name'])}",
        f"action      {_line(approval['action'] or approval['tool_name'])}",
        f"asked       {utc(approval['requested_at'])}",
        f"until       {utc(approval['decide_by'])}, {left}" if left != "-" else "until       -",
        f"who         {_who(approval)}",
    ]
    lines += [f"by          {approval['requested_by']}"] if approval["requested_by"] else []
    lines += [_decision(approval)] if approval["decided_by"] else []
    lines += list(map(_vote, approval["votes"] or ()))
    if approval["content"] is not None:
        lines += ["", _block(approval["content"])]
    lines += _fields("", approval["arguments"])
    if approval["edited"]:
        lines += ["", "Before the edit it was:"]
        if approval["asked_content"] is not None:
            lines += [_block(approval["asked_content"])]
        lines += _fields("", approval["asked_arguments"])
    lines += _fields("answer: ", (approval["answer_schema"] or {}).get("properties"))
    lines += ["", f"answered    {_json(approval['answer'])}"] if approval["answer"] else []
    return "\n".join([*lines, "", f"digest      {approval['digest']}"])


def history(found: Document) -> str:
    """Returns what became of a session: itself, and all that was asked."""
    session = found["session"]
    lines = ["The session is deleted."]
    if session:
        lines = [f"{_line(session['agent_name'])}: {session['status']} {session['outcome'] or ''}"]
        lines += [f"  {_line(session['last_words'])}"] if session["last_words"] else []
    for approval in found["approvals"]:
        lines.append(f"{utc(approval['requested_at'])}  {approval['tool_use_id']}  "
                     f"{_line(approval['action'] or approval['tool_name'])}: "
                     f"{approval['status']}")  # fmt: skip
        lines += [_decision(approval)] if approval["decided_by"] else []
        lines += list(map(_vote, approval["votes"] or ()))
        if approval["first_decide_by"]:
            lines.append(f"  ends at {utc(approval['decide_by'])}, moved by "
                         f"{approval['asked_again_by']}")  # fmt: skip
        lines += [f"  effect: {approval['effect']}"] if approval["effect"] else []
    return "\n".join(line.rstrip() for line in lines)


def outcome(do: str, approval: Document) -> str:
    """Returns what has come of it, in one line."""
    match do:
        case "extend":
            return f"It ends at {utc(approval['decide_by'])}. New links go out within a minute."
        case "resend":
            return "The e-mail goes out within a minute."
    if approval["status"] == "PENDING":
        return f"Counted: {_votes(approval)} have agreed."
    how = f" ({approval['via']})" if approval["via"] else ""
    return f"{approval['status']} by {approval['decided_by']}{how}. The agent is told."


def _row(approval: Document, now: float) -> tuple[str, ...]:
    return (
        f"{approval['session_id']}/{approval['tool_use_id']}",
        _line(approval["agent_name"]),
        _line(approval["action"] or approval["tool_name"]),
        _span(now - approval["requested_at"]),
        _left(approval, now) if approval["status"] == "PENDING" else approval["status"].lower(),
        _votes(approval) if approval["action"] else "-",
        _line(approval["preview"])[:MAX_ABOUT_CHARS],
    )


def _votes(approval: Document) -> str:
    """How many have agreed to the call in force, and how many must."""
    last = {vote["by"]: vote for vote in approval["votes"] or ()}
    counted = [
        vote
        for vote in last.values()
        if vote["decision"] == "approved" and vote["digest"] == approval["digest"]
    ]
    return f"{len(counted)} of {approval['needed'] or 1}"


def _who(approval: Document) -> str:
    if approval["approvers"] is None:
        return "whoever has the link"
    return f"{approval['needed'] or 1} of {', '.join(approval['approvers'])}"


def _decision(approval: Document) -> str:
    said = f": {_line(approval['comment'])}" if approval["comment"] else ""
    how = f" ({approval['via']})" if approval["via"] else ""
    return f"  {approval['status'].lower()} by {_line(approval['decided_by'])}{how}{said}"


def _vote(vote: Document) -> str:
    said = f": {_line(vote['comment'])}" if vote["comment"] else ""
    return f"  {utc(vote['at'])}  {vote['by']} {vote['decision']} ({vote['via']}){said}"


def _left(approval: Document, now: float) -> str:
    if not has_deadline(approval["requested_at"], approval["decide_by"]):
        return "-"
    seconds = approval["decide_by"] - now
    return f"{_span(seconds)} left" if seconds > 0 else "over"


def _span(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    days, hours, minutes = minutes // 1_440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _fields(prefix: str, fields: Document | None) -> list[str]:
    if not fields:
        return []
    return ["", *(f"  {prefix}{_line(name)} = {_json(fields[name])}" for name in fields)]


def _block(content: str) -> str:
    return "\n".join(f"  | {line}" for line in visible(content).split("\n"))


def _json(value: Any) -> str:
    return _line(json.dumps(value, ensure_ascii=False))


def _line(text: str) -> str:
    return " ".join(visible(text).split())
