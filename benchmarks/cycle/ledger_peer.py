"""Strands snapshots in S3 beside a ledger in DynamoDB: the least that is equal to our record.

The snapshot keeps the conversation. The ledger keeps who decided what about which text, lets the
first decision win, one worker go on, and one effect follow; an index of what is open lets somebody
find what was forgotten. No call only reads: each write returns what the next step needs.
"""

import copy
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from strands import ToolContext, tool
from strands.session import SnapshotSessionManager
from strands.storage import S3Storage

from benchmarks.cycle.contender import DIGESTS, EQUAL, Contender, Cycle, Offers
from benchmarks.cycle.conversation import (
    ASK,
    PUBLISHED,
    Conversation,
    ScriptedModel,
    answer_to,
)
from benchmarks.cycle.engine import BUCKETS, LEDGER
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.prices import WRITE_UNIT_BYTES, item_size
from benchmarks.cycle.strands_agent import make_agent

ROOM_BYTES = 200
"""What decision, claim and spend add to a record: it must still be one write unit."""
DAY, SHARDS = 86_400, 4


def ledger_peers(meter: Meter) -> Iterator[Contender]:
    """Makes the contenders; their clients are made once and kept."""
    storage, dynamodb = S3Storage(BUCKETS["peers"]), boto3.client("dynamodb")
    for name, keeps_text, record in (
        (EQUAL, True, "yes"),
        (DIGESTS, False, "of its digest; the text is in the conversation alone"),
    ):
        yield Contender(
            name,
            _sessions(Ledger(dynamodb, keeps_text), storage, meter),
            Offers(record, "yes", "yes"),
            is_close=True,
        )


@dataclass(frozen=True)
class Ledger:
    """One item for each approval, whose four writes are conditional.

    A text that would make the record a second unit lies in an item of its own, which is put once
    and never again: so only the first write pays for its length.
    """

    dynamodb: Any
    keeps_text: bool

    def ask(self, session_id: str, tool_use_id: str, content: str) -> None:
        """Puts the record, if it is not there, and its entry in the index."""
        now = int(time.time())
        key = _key(session_id, tool_use_id)
        record = {
            **key,
            "agent_name": {"S": "post-generator"},
            "tool_name": {"S": ASK},
            "action": {"S": "publish_post"},
            "digest": {"S": _digest(content)},
            "status": {"S": "PENDING"},
            "requested_at": {"N": str(now)},
            "decide_by": {"N": str(now + DAY)},
            "open_shard": {"S": str(int(_digest(session_id)[:8], 16) % SHARDS)},
            "due_at": {"N": str(now + DAY // 2)},
            "expires_at": {"N": str(now + 90 * DAY)},
        }
        text = {"content": {"S": content}}
        fits = item_size(record | text) + ROOM_BYTES <= WRITE_UNIT_BYTES
        if self.keeps_text and not fits:
            # Before the record: what the record names is there. A second one is the same.
            item = _key(session_id, f"{tool_use_id}/text") | text
            self.dynamodb.put_item(TableName=LEDGER, Item=item)
        self.dynamodb.put_item(
            TableName=LEDGER,
            Item=record | text if self.keeps_text and fits else record,
            ConditionExpression="attribute_not_exists(session_id)",
        )

    def decide(self, session_id: str, tool_use_id: str) -> None:
        """Writes the decision, if there is none: the first one wins."""
        self._move(
            session_id,
            tool_use_id,
            ("PENDING", "APPROVED"),
            "SET #status = :to, decision = :said, decided_by = :by, via = :by, decided_at = :now",
            {":said": {"S": "approved"}, ":by": {"S": "link"}, ":now": _now()},
        )

    def claim(self, session_id: str, tool_use_id: str) -> dict[str, Any]:
        """Takes the decision for one worker, and the entry out of the index; returns the record."""
        return self._move(
            session_id,
            tool_use_id,
            ("APPROVED", "CLAIMED"),
            "SET #status = :to, claimed_by = :worker, claimed_at = :now REMOVE open_shard, due_at",
            {":worker": {"S": "0" * 36}, ":now": _now()},
        )

    def spend(self, session_id: str, tool_use_id: str, content: str) -> None:
        """Notes that the effect is about to follow, if it is that of the text approved."""
        self._move(
            session_id,
            tool_use_id,
            ("CLAIMED", "SPENT"),
            "SET #status = :to, spent_at = :now",
            {":now": _now(), ":digest": {"S": _digest(content)}},
            " AND digest = :digest",
        )

    def _move(
        self,
        session_id: str,
        tool_use_id: str,
        status: tuple[str, str],
        update: str,
        values: dict[str, Any],
        more: str = "",
    ) -> dict[str, Any]:
        before, after = status
        answer = self.dynamodb.update_item(
            TableName=LEDGER,
            Key=_key(session_id, tool_use_id),
            UpdateExpression=update,
            ConditionExpression=f"#status = :from{more}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":from": {"S": before}, ":to": {"S": after}, **values},
            ReturnValues="ALL_NEW",
        )
        found: dict[str, Any] = answer["Attributes"]
        return found


@tool(name=ASK, context=True)
def asking(content: str, tool_context: ToolContext) -> str:
    """Asks a person, with Strands' own interrupt, and says for which call.

    Args:
        content: The text to approve.
        tool_context: Strands' own.
    """
    reason = {"content": content, "tool_use_id": tool_context.tool_use["toolUseId"]}
    answer: str = tool_context.interrupt("approval", reason=reason)
    return answer


def _sessions(ledger: Ledger, storage: S3Storage, meter: Meter) -> Callable[[Conversation], Cycle]:
    return lambda conversation: _open(ledger, storage, meter, conversation)


def _open(ledger: Ledger, storage: S3Storage, meter: Meter, conversation: Conversation) -> Cycle:
    """An agent that a snapshot manager loads and saves; the record is put before the e-mail."""
    model, session_id = ScriptedModel(conversation.post_bytes), conversation.session_id
    approved = ""

    @tool
    def publish_post(content: str) -> str:
        """Publishes a post, once for each approval.

        Args:
            content: The text.
        """
        ledger.spend(session_id, approved, content)
        return PUBLISHED

    def run(prompt: Any, messages: list[Any] | None = None) -> Any:
        manager = SnapshotSessionManager(session_id, storage=storage)
        tools = [asking, publish_post]
        result = make_agent(model, messages, tools, session_manager=manager)(prompt)
        for interrupt in result.interrupts or ():
            reason = interrupt.reason
            ledger.ask(session_id, reason["tool_use_id"], reason["content"])
        return result

    result = run(conversation.task, copy.deepcopy(conversation.earlier))

    def cycle() -> None:
        nonlocal result, approved
        (interrupt,) = result.interrupts
        approved = interrupt.reason["tool_use_id"]
        with meter.measured():
            ledger.decide(session_id, approved)
            ledger.claim(session_id, approved)
            answer = answer_to(interrupt.reason["content"])
            response = {"interruptId": interrupt.id, "response": answer}
            result = run([{"interruptResponse": response}])

    return cycle


def _key(session_id: str, tool_use_id: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}, "tool_use_id": {"S": tool_use_id}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> dict[str, str]:
    return {"N": str(int(time.time()))}
