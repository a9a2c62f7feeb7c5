"""The table `approvals`: reading, and the one way to change an item, conditionally."""

from functools import cached_property
from typing import Any

from longrunning import codec
from longrunning.approval_item import Approval, from_item

OLD_ON_FAILURE = "ALL_OLD"


class ApprovalTable:
    """What `ApprovalStore` and `OpenApprovals` share."""

    def __init__(self, client: Any, table_name: str) -> None:
        """Takes a low-level DynamoDB client and the table's name."""
        self._client = client
        self._table = table_name

    def get(self, session_id: str, tool_use_id: str) -> Approval | None:
        """Reads one item, consistently."""
        found = self._client.get_item(
            TableName=self._table, Key=key_of(session_id, tool_use_id), ConsistentRead=True
        )
        return from_item(found["Item"]) if "Item" in found else None

    def of_session(self, session_id: str) -> list[Approval]:
        """Reads all items of a session, consistently."""
        pages = self._query.paginate(
            TableName=self._table,
            KeyConditionExpression="session_id = :s",
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=True,
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    @cached_property
    def _query(self) -> Any:
        """The AWS client makes a class for each paginator: one is enough."""
        return self._client.get_paginator("query")

    def _update(
        self,
        session_id: str,
        tool_use_id: str,
        values: dict[str, Any],
        condition: str,
        bound: dict[str, Any],
        *,
        extra: str = "",
    ) -> tuple[Approval | None, Approval | None]:
        """Sets values if a condition holds; returns (the new item, None) or (None, the old one).

        Args:
            session_id: The session.
            tool_use_id: The tool use.
            values: What to set, by attribute; None leaves an attribute as it is.
            condition: A condition expression; `#status` and `#action` stand for those names.
            bound: Its values.
            extra: Further clauses of the update expression, such as ` REMOVE due_at`.
        """
        values = {name: value for name, value in values.items() if value is not None}
        used = {f"#{name}": name for name in values}
        used |= {f"#{name}": name for name in ("status", "action") if f"#{name}" in condition}
        setting = "SET " + ", ".join(f"#{n} = :{n}_set" for n in values) if values else ""
        names = {"ExpressionAttributeNames": used} if used else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key_of(session_id, tool_use_id),
                UpdateExpression=f"{setting}{extra}".strip(),
                ConditionExpression=condition,
                ExpressionAttributeValues=codec.to_item(
                    {f":{name}_set": value for name, value in values.items()} | bound
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure=OLD_ON_FAILURE,
                **names,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            old = error.response.get("Item")
            return None, from_item(old) if old else None
        return from_item(answer["Attributes"]), None


def key_of(session_id: str, tool_use_id: str) -> dict[str, Any]:
    """Returns an item's key as DynamoDB takes it."""
    return {"session_id": {"S": session_id}, "tool_use_id": {"S": tool_use_id}}
