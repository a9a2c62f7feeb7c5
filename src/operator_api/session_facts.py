"""Reads a few facts of a session's item, and no message of its conversation.

`OperatorRole` may read these attributes and no others. They are asked for by the session's id
alone, because the name of the agent is part of the key, and a session that ended before it asked
anybody has no approval that would tell it.
"""

from typing import Any

from longrunning import codec

ATTRIBUTES = ("agent_name", "status", "outcome", "reason", "last_words")


class SessionFacts:
    """The table `agent-memory-store`, as operators see it."""

    def __init__(self, client: Any, table_name: str) -> None:
        """Takes a low-level DynamoDB client and the table's name."""
        self._client = client
        self._table = table_name

    def of(self, session_id: str) -> list[dict[str, Any]]:
        """Reads the facts of a session, consistently: one entry for each agent, mostly one.

        What is not known is None: `outcome` while nothing has come of it, `reason` where it ended
        well, `last_words` until it has ended.
        """
        # One page: all items but one are of agents that were renamed since.
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="session_id = :s",
            ProjectionExpression=", ".join(f"#{name}" for name in ATTRIBUTES),
            ExpressionAttributeNames={f"#{name}": name for name in ATTRIBUTES},
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=True,
        )
        items = map(codec.from_item, found["Items"])
        return [{name: item.get(name) or None for name in ATTRIBUTES} for item in items]
