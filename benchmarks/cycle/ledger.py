"""A ledger of approvals in DynamoDB, with the fewest calls that keep what our record keeps.

It keeps who decided what about which text, lets the first decision win, one worker go on, and one
effect follow; an index of what is open lets somebody find what was forgotten.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.cycle.conversation import ASK, PUBLISH
from benchmarks.cycle.engine import LEDGER
from benchmarks.cycle.prices import WRITE_UNIT_BYTES, item_size

ROOM_BYTES = 200
"""What decision, claim and spend add to a record: it must still be one write unit."""
DAY, SHARDS = 86_400, 4


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
            "action": {"S": PUBLISH},
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


def _key(session_id: str, tool_use_id: str) -> dict[str, Any]:
    return {"session_id": {"S": session_id}, "tool_use_id": {"S": tool_use_id}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> dict[str, str]:
    return {"N": str(int(time.time()))}
