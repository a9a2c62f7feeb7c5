"""The table `approvals`: reading, and the one way to change an item, conditionally."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

from longrunning import codec
from longrunning.waits.item import Wait, from_item, packed

OLD_ON_FAILURE = "ALL_OLD"

CONFLICT_PAUSES_SECONDS = (0.02, 0.08, 0.2)
"""Before a write that met a transaction on its item is made again: those take milliseconds."""

MAX_BATCH = 100
"""Source: DynamoDB, "BatchGetItem": at most 100 items, and 16 MB, in one answer."""

READ_PAUSES_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.4)
"""Before what an answer left out is asked for again: too much for it, or too fast."""


Ids = tuple[str, str]
"""Session and tool use: which wait."""


class UnreadError(Exception):
    """DynamoDB left some items out, however often they were asked for."""


class WaitTable:
    """Reads and changes items: the base of `Answers`, `Claims` and `OpenWaits`."""

    def __init__(self, client: Any, table_name: str) -> None:
        """Takes a low-level DynamoDB client and the table's name."""
        self._client = client
        self._table = table_name

    def get(self, session_id: str, tool_use_id: str) -> Wait | None:
        """Reads one item, consistently."""
        found = self._client.get_item(
            TableName=self._table, Key=key_of(session_id, tool_use_id), ConsistentRead=True
        )
        return from_item(found["Item"]) if "Item" in found else None

    def get_all(self, session_id: str, tool_use_ids: Iterable[str]) -> dict[str, Wait]:
        """Reads several items of a session, consistently: one call for each hundred.

        Returns:
            What is there, by tool use id.

        Raises:
            UnreadError: Not all could be read.
        """
        found = self.get_many((session_id, tool_use_id) for tool_use_id in tool_use_ids)
        return {wait.tool_use_id: wait for wait in found}

    def get_many(self, ids: Iterable[Ids]) -> Iterator[Wait]:
        """Reads several items, consistently, in any order: one call for each hundred.

        Args:
            ids: Session and tool use of each.

        Raises:
            UnreadError: Not all could be read.
        """
        keys = [key_of(*pair) for pair in dict.fromkeys(ids)]
        for start in range(0, len(keys), MAX_BATCH):
            yield from map(from_item, self._read(keys[start : start + MAX_BATCH]))

    def of_session(self, session_id: str) -> list[Wait]:
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

    def _read(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted: dict[str, Any] = {self._table: {"Keys": keys, "ConsistentRead": True}}
        items: list[dict[str, Any]] = []
        for seconds in (*READ_PAUSES_SECONDS, None):
            answer = self._client.batch_get_item(RequestItems=wanted)
            items += answer["Responses"].get(self._table, ())
            wanted = answer.get("UnprocessedKeys", {})
            if not wanted:
                return items
            if seconds is not None:
                time.sleep(seconds)
        raise UnreadError(UnreadError.__doc__)

    def _write(self, operation: Callable[..., Any], **request: Any) -> Any:
        """Makes a write; one that meets a transaction on its item is made again, a few times."""
        errors = self._client.exceptions
        for seconds in CONFLICT_PAUSES_SECONDS:
            try:
                return operation(**request)
            except (
                errors.TransactionConflictException,
                errors.TransactionCanceledException,
            ) as error:
                if not _is_conflict(error):
                    raise
                time.sleep(seconds)
        return operation(**request)

    def _update(
        self,
        session_id: str,
        tool_use_id: str,
        values: dict[str, Any],
        condition: str,
        bound: dict[str, Any],
        *,
        extra: str = "",
    ) -> tuple[Wait | None, Wait | None]:
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
            answer = self._write(
                self._client.update_item,
                TableName=self._table,
                Key=key_of(session_id, tool_use_id),
                UpdateExpression=f"{setting}{extra}".strip(),
                ConditionExpression=condition,
                ExpressionAttributeValues=codec.to_item(
                    {f":{name}_set": value for name, value in packed(values).items()} | bound
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure=OLD_ON_FAILURE,
                **names,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            old = error.response.get("Item")
            return None, from_item(old) if old else None
        return from_item(answer["Attributes"]), None


def _is_conflict(error: Any) -> bool:
    """Whether nothing but another write's being under way has failed this one."""
    reasons = error.response.get("CancellationReasons", ())
    return all(reason.get("Code") in ("None", "TransactionConflict") for reason in reasons)


def key_of(session_id: str, tool_use_id: str) -> dict[str, Any]:
    """Returns an item's key as DynamoDB takes it."""
    return {"session_id": {"S": session_id}, "tool_use_id": {"S": tool_use_id}}
