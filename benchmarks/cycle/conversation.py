"""The conversations, the same for every contender, and the model that goes on with them.

A conversation of N messages ends with the question that waits for its answer. A cycle adds four:
the answer, the call that publishes, its result, and the next question. A single task ends after
it published.
"""

import json
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from strands.models.model import Model

ASK, PUBLISH = "human_approval", "publish_post"
PUBLISHED = "Published as post 4f1c2d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f."

ONCE = "Only once: "
"""What a single task begins with, and the text to approve, too: the model knows no more."""

EARLIER_CHARS = 430
"""Of each earlier message: about 500 bytes as stored."""
POST_BYTES = 160
"""Of each text to approve, unless a conversation says otherwise: ASCII, so characters, too."""
ATTACHMENT_BYTES = 1_000_000

WORDS = (
    "the of and a to in is you that it he was for on are as with his they I at be this have from "
    "or one had by word but not what all were we when your can said there use an each which she "
    "do how their if will up other about out many then them these so some her would make like him "
    "into time has look two more write go see number no way could people my than first water been "
    "call who oil its now find long down day did get come made may part unicorn meadow carriage "
    "rainbow summer rental mane gallop stable sunrise festival discount booking weekend saddle "
    "horizon sparkle picnic orchard trail harbour lantern guide ticket season velvet silver"
).split()


@dataclass(frozen=True)
class Conversation:
    """What was said before the pause."""

    session_id: str
    earlier: list[dict[str, Any]]
    """In turns, user and assistant; empty or an even number."""
    task: list[dict[str, Any]]
    """Content blocks of the user's last message, after which the agent asks."""
    post_bytes: int = POST_BYTES
    """Of each text that is asked for."""

    @property
    def message_count(self) -> int:
        """All messages, the question included."""
        return len(self.earlier) + 2


def make_conversation(
    message_count: int, has_attachment: bool, name: str, post_bytes: int = POST_BYTES
) -> Conversation:
    """Makes a conversation of so many messages, always the same one.

    Args:
        message_count: An even number, at least 2.
        has_attachment: Whether the first message carries a document of 1 MB that no compression
            makes smaller.
        name: Of the contender, for the session's id.
        post_bytes: Of each text that the agent asks for.
    """
    rng = random.Random(message_count)  # noqa: S311
    roles = ("user", "assistant")
    earlier: list[dict[str, Any]] = [
        {
            "role": roles[n % 2],
            "content": [{"text": _text(rng, EARLIER_CHARS)}],
            # Strands gives every message one, and would add it to a message that has none.
            "tracking_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        }
        for n in range(message_count - 2)
    ]
    task = [{"text": _text(rng, POST_BYTES)}]
    if has_attachment:
        source = {"bytes": rng.randbytes(ATTACHMENT_BYTES)}
        document = {"document": {"format": "pdf", "name": "brief", "source": source}}
        (earlier[0]["content"] if earlier else task).append(document)
    attached = "-attached" if has_attachment else ""
    session_id = f"{name}-{message_count}{attached}-{rng.getrandbits(64):016x}"
    return Conversation(session_id, earlier, task, post_bytes)


def make_task(name: str) -> Conversation:
    """Makes a task with nothing before it that one approval finishes."""
    conversation = make_conversation(2, False, f"task-{name}")
    return replace(conversation, task=[{"text": ONCE + conversation.task[0]["text"]}])


def make_post(number: int, post_bytes: int) -> str:
    """Makes a text to ask for, of exactly so many bytes, no two alike."""
    end = f" ({number})"
    text = _text(random.Random(number), post_bytes)  # noqa: S311
    return text[: post_bytes - len(end)] + end


def make_posts(post_bytes: int = POST_BYTES) -> Iterator[str]:
    """Yields texts to ask for."""
    for number in count(1):
        yield make_post(number, post_bytes)


def make_ids() -> Iterator[str]:
    """Yields tool use ids of the length that Bedrock's have."""
    rng = random.Random(11)  # noqa: S311
    while True:
        yield f"tooluse_{rng.getrandbits(88):022x}"


def answer_to(content: str) -> str:
    """What the model reads of an approval, as long as ours."""
    arguments = {"author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": None}
    facts = {"decision": "approved", "decided_by": "link", "comment": None, "content": content}
    next_step = f"Call {PUBLISH} with exactly this content and {json.dumps(arguments)}."
    return json.dumps({**facts, "edited": False, "next": next_step})


class ScriptedModel(Model):
    """Asks; when it is answered, publishes what it asked for; when that is done, asks again.

    It looks at the last two messages only, so that it costs the same however long the
    conversation is.
    """

    def __init__(self, post_bytes: int = POST_BYTES) -> None:
        self.post_bytes = post_bytes
        self._numbers, self._ids = count(1), make_ids()

    def update_config(self, **_: Any) -> None:
        """Has no settings."""

    def get_config(self) -> dict[str, Any]:
        """Returns the settings: none but a name."""
        return {"model_id": "scripted"}

    async def structured_output(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Is not what a script can do."""
        raise NotImplementedError
        yield

    async def stream(self, messages: Any, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yields the next turn as Bedrock's stream events."""
        yield {"messageStart": {"role": "assistant"}}
        call = self.next_call(messages)
        if call is None:
            yield {"contentBlockDelta": {"delta": {"text": "Done."}, "contentBlockIndex": 0}}
            yield {"contentBlockStop": {"contentBlockIndex": 0}}
            yield {"messageStop": {"stopReason": "end_turn"}}
            return
        name, content = call
        use = {"toolUseId": next(self._ids), "name": name}
        given = json.dumps({"content": content})
        yield {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": 0}}
        yield {
            "contentBlockDelta": {"delta": {"toolUse": {"input": given}}, "contentBlockIndex": 0}
        }
        yield {"contentBlockStop": {"contentBlockIndex": 0}}
        yield {"messageStop": {"stopReason": "tool_use"}}

    def next_call(self, messages: Any) -> tuple[str, str] | None:
        """Returns the next tool call, its name and the text; None at the end."""
        use = messages[-2]["content"][0].get("toolUse") if len(messages) > 1 else None
        if use is None:
            said = messages[-1]["content"][0]["text"]
            return ASK, (ONCE if said.startswith(ONCE) else "") + self._next_post()
        if use["name"] == ASK:
            return PUBLISH, use["input"]["content"]
        return None if use["input"]["content"].startswith(ONCE) else (ASK, self._next_post())

    def _next_post(self) -> str:
        return make_post(next(self._numbers), self.post_bytes)


def _text(rng: random.Random, chars: int) -> str:
    words: list[str] = []
    size = 0
    while size < chars:
        words.append(rng.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words)
