"""What the lab prints: a few short lines in place of whole items, conversations and e-mails."""

import json
import re
import time
from typing import Any

from operate.clicks import Answer

MAX_CHARS = 78
LABEL_CHARS = 20

Item = dict[str, Any]


def line(label: str, text: str) -> str:
    """Returns one line: a label, then a text in one line."""
    return f"{label:<{LABEL_CHARS}}{text}"


def short(text: str, most: int = MAX_CHARS) -> str:
    """Returns a text in one line, cut where it is long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def session(item: Item) -> str:
    """Returns what the table `agent-memory-store` has of a session."""
    if not item:
        return line("agent-memory-store", "no item yet")
    number = len(item.get("messages", []))
    waits = "".join(f" for {use['tool_use_id']}" for use in item.get("pending", []))
    how = waits or f" ({item.get('outcome') or 'it goes on'})"
    return line("agent-memory-store", f"{item['status']}{how}, {number} messages")


def waits(items: list[Item]) -> str:
    """Returns what the table `approvals` has of a session."""
    told = [line("approvals", _wait(item)) for item in items]
    return "\n".join(told or [line("approvals", "no item yet")])


def _wait(item: Item) -> str:
    told = f"{item['tool_name']} {item['tool_use_id']}: {item['status']}"
    if item["status"] == "PENDING":
        return f"{told} until {time.strftime('%F %R UTC', time.gmtime(item['decide_by']))}"
    decided = f" by {item['decided_by']}" if item.get("decided_by") else ""
    edited = ", edited" if item.get("edited_content") is not None else ""
    comment = f', "{short(item["comment"], 30)}"' if item.get("comment") else ""
    return f"{told}{decided}{edited}{comment}"


def queue(waiting: int, in_work: int, dead: int) -> str:
    """Returns what is in the task queue and in the dead-letter queue."""
    told = f"{waiting} messages wait, {in_work} being handled; {dead} dead letters"
    return line("task queue", told)


def posts(items: list[Item]) -> str:
    """Returns what UniTok has of a session."""
    told = [line("UniTok", short(item["content"], MAX_CHARS - LABEL_CHARS)) for item in items]
    return "\n".join(told or [line("UniTok", "no post")])


def conversation(messages: list[Item]) -> str:
    """Returns a conversation, one block a line."""
    return "\n".join(
        line(message["role"], _block(block)) for message in messages for block in message["content"]
    )


def _block(block: Item) -> str:
    room = MAX_CHARS - LABEL_CHARS
    if use := block.get("toolUse"):
        return short(f"calls {use['name']}: {json.dumps(use['input'])}", room)
    if result := block.get("toolResult"):
        told = " ".join(part.get("text") or json.dumps(part) for part in result["content"])
        return short(f"result ({result['status']}): {told}", room)
    return short(block.get("text", ""), room)


def mail(body: str) -> str:
    """Returns an e-mail with its links cut: the signature in one is what lets its owner decide."""
    cut = re.sub(r"(/approvals/[\w-]{8})[\w.~-]+", r"\1…", body)
    return "\n".join(f"| {text}".rstrip() for text in cut.splitlines())


def answer(method: str, answer: Answer) -> str:
    """Returns what a link answered: status, and the decision or the error of its JSON."""
    said = answer.document
    told = str(said.get("error") or said.get("decision") or "a page with a form")
    too_late = "too late, it stands: " if answer.status == 409 else ""
    return f"{method} {answer.status}: {too_late}{short(told)}"
