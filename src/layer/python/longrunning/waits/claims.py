"""The claims on waits: which worker may act on an answer, and that it acts once.

The fence counts the workers that ever claimed a wait: only the one with the newest fence may spend
an approval. The lease only saves wasted runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from longrunning import codec
from longrunning.waits.item import Status, Wait, message_of
from longrunning.waits.table import WaitTable, key_of

_CLOSE = " REMOVE open_shard, due_at"
"""Removes the item from the open index. Once claimed, it no longer needs the sweeper: its queue
message is retried until it succeeds or becomes a dead letter."""


MAX_ANSWER_CHARS = 2_000
"""Of what a receiver said; it shares one item with all else."""

_NOT_OVER = "NOT contains(messages_over, :message)"
"""That no delivery of this message may claim any more."""

MAX_MESSAGES_OVER = 20
"""Messages that an item may name; further ones come back when the lease ends."""

MAX_CLAIMED = 100
"""Source: DynamoDB, "TransactWriteItems": at most 100 actions."""


class LeaseHeldError(Exception):
    """Another worker is on it until `until` (epoch seconds); come back then."""

    def __init__(self, until: int) -> None:
        """Keeps when the lease ends."""
        super().__init__(self.__doc__)
        self.until = until


class NotDecidedError(Exception):
    """Not all is decided yet, or another message is the one that resumes."""

    def __init__(self, *, is_missing: bool = False) -> None:
        """Keeps whether a record is missing, so that a pause is to be made up for."""
        super().__init__(self.__doc__)
        self.is_missing = is_missing


class MessageOverError(Exception):
    """Another message has this turn, and comes back until it succeeds: this one can end."""


class FencedError(Exception):
    """A newer worker has claimed this; whatever this one did is void."""


class Claims(WaitTable):
    """The table `approvals`: what claims, spends, and notes what came of an effect."""

    def claim(
        self,
        session_id: str,
        turn: Sequence[str],
        unspent: Sequence[str],
        named: Collection[str],
        *,
        now: int,
        lease_until: int,
        claimed_by: str = "",
    ) -> list[Wait]:
        """C4: makes this worker the newest on all these items, or on none.

        A message that comes while others of the turn are undecided is acknowledged, and SQS deletes
        it for all its deliveries. Another delivery of it must not resume later: nothing would bring
        that one back. So the item says that its message is over, and the last decision's resumes.
        In the same way another message than the one that claimed the turn first is over.

        The neighbours of what the message names are read first, and no more once one of them is
        undecided: people answer a turn in its order, so most messages read three items of it.

        Args:
            session_id: The waiting session.
            turn: The tool uses that the resume will answer.
            unspent: Tool uses of earlier turns that may be spent now; those whose record has
                passed its time to live are left out.
            named: The tool uses that the message is about.
            now: Epoch seconds.
            lease_until: Until when other workers should leave the items alone.
            claimed_by: This delivery: the id of its message, `/`, and a text that no other has.
                Empty: nobody's message, for which others wait.

        Returns:
            The items, with the fences that are now this worker's.

        Raises:
            NotDecidedError: At least one of the turn is still pending, or has no record yet; or
                the message came before that was otherwise. It can be acknowledged.
            MessageOverError: Another message has the turn. It can be acknowledged.
            LeaseHeldError: Another worker is on one of them.
        """
        if len(turn) == 1 and not unspent:
            return [self._claim_one(session_id, turn[0], now, lease_until, claimed_by)]
        found: dict[str, Wait] = {}
        *first_parts, last = _nearest_first(turn, named) or [[]]
        for part in (*first_parts, [*last, *unspent]):
            found |= self.get_all(session_id, part)
            asked = [found.get(tool_use_id) for tool_use_id in part if tool_use_id in turn]
            if any(a is None or a.status == Status.PENDING for a in asked):
                for wait in _told(found, turn, named):
                    self._acknowledge(wait, now)
                raise NotDecidedError(is_missing=None in asked)
        told = _told(found, turn, named)
        if told and all(a.acknowledged for a in told):
            raise NotDecidedError
        for tool_use_id in turn:
            self._check_is_over(found[tool_use_id], claimed_by, now)
        ids = [i for i in (*turn, *unspent) if i in found]
        read = [found[tool_use_id] for tool_use_id in ids]
        return self._claim_all(read, now, lease_until, claimed_by)

    def release(self, claimed: Sequence[Wait], kept_until: int | None = None) -> None:
        """Ends the lease of a worker that failed, so that the retry need not wait for it.

        Args:
            claimed: What it has claimed.
            kept_until: Epoch seconds until when the records are needed from now on.
        """
        for wait in claimed:
            self._update(
                wait.session_id,
                wait.tool_use_id,
                {"lease_until": 0, "expires_at": kept_until},
                "fence = :fence",
                {":fence": wait.fence},
            )

    def spend(self, wait: Wait) -> Wait:
        """C5: takes the one right to the effect. An item already spent stays so.

        Raises:
            FencedError: A newer worker has claimed it.
        """
        updated, old = self._update(
            wait.session_id,
            wait.tool_use_id,
            {"status": Status.SPENT},
            "#status = :approved AND fence = :fence",
            {":approved": Status.APPROVED, ":fence": wait.fence},
        )
        if updated is None and (old is None or old.status != Status.SPENT):
            raise FencedError(FencedError.__doc__)
        return replace(wait, status=Status.SPENT)

    def refuse(self, wait: Wait, reason: str) -> None:
        """Notes that the receiver refused the effect for good: nothing was done."""
        self._note_answer(wait, "error", reason, {"refused": True})

    def keep_answer(self, wait: Wait, status: str, text: str) -> None:
        """Notes what the receiver said, so that it need not be asked again."""
        self._note_answer(wait, status, text, {})

    def note_not_done(self, session_id: str, tool_use_id: str, reason: str) -> bool:
        """Notes that a session ended without the call that was approved.

        Returns:
            Whether it was noted, now or before: it was approved, and never spent.
        """
        updated, _ = self._update(
            session_id,
            tool_use_id,
            {"not_done": reason},
            "#status = :approved",
            {":approved": Status.APPROVED},
        )
        return updated is not None

    def _note_answer(self, wait: Wait, status: str, text: str, more: dict[str, Any]) -> None:
        self._update(
            wait.session_id,
            wait.tool_use_id,
            {"answer": {"status": status, "text": text[:MAX_ANSWER_CHARS]}, **more},
            "#status = :spent",
            {":spent": Status.SPENT},
        )

    def _acknowledge(self, wait: Wait, now: int) -> None:
        """Notes that its message is over, unless another delivery of it has claimed the turn."""
        if wait.acknowledged:
            return
        updated, _ = self._update(
            wait.session_id,
            wait.tool_use_id,
            {"acknowledged": True},
            "fence = :fence",
            {":fence": 0},
        )
        if updated is None:
            raise LeaseHeldError(now)

    def _claim_one(
        self, session_id: str, tool_use_id: str, now: int, until: int, claimed_by: str
    ) -> Wait:
        free = "attribute_exists(session_id) AND #status <> :pending AND lease_until < :now"
        updated, old = self._update(
            session_id,
            tool_use_id,
            {"lease_until": until, "claimed_by": claimed_by},
            f"{free} AND {_NOT_OVER}",
            {
                ":pending": Status.PENDING,
                ":now": now,
                ":one": 1,
                ":message": message_of(claimed_by),
            },
            extra=f" ADD fence :one{_CLOSE}",
        )
        if updated:
            return updated
        if old and claimed_by and old.claimed_by == claimed_by:
            return old  # The AWS client asked twice, for the first answer did not arrive.
        if old:
            self._check_is_over(old, claimed_by, now)
        _check_claimable(old, now)
        raise LeaseHeldError(now)

    def _check_is_over(self, wait: Wait, claimed_by: str, now: int) -> None:
        """Whether another message holds an item of this turn, so that this one need not wait.

        Only the first claim's message is sure to come back: it has no older worker beside it that
        could still save. And what ends here is written down: another delivery of it, still under
        way, must not claim later, for nothing would bring that one back.

        Raises:
            MessageOverError: It does.
        """
        message_id = message_of(claimed_by)
        if message_id in (wait.messages_over or ()):
            raise MessageOverError(MessageOverError.__doc__)
        is_first = wait.fence == 1 and wait.lease_until >= now
        is_anothers = wait.held_by not in ("", message_id)
        if is_first and is_anothers and self._note_over(wait, message_id):
            raise MessageOverError(MessageOverError.__doc__)

    def _note_over(self, wait: Wait, message_id: str) -> bool:
        over = wait.messages_over or []
        if len(over) >= MAX_MESSAGES_OVER:
            return False
        same = "messages_over = :over" if over else "attribute_not_exists(messages_over)"
        updated, _ = self._update(
            wait.session_id,
            wait.tool_use_id,
            {"messages_over": [*over, message_id]},
            f"fence = :first AND {same}",
            {":first": 1, **({":over": over} if over else {})},
        )
        return updated is not None

    def _claim_all(self, read: Sequence[Wait], now: int, until: int, claimed_by: str) -> list[Wait]:
        """A transaction returns no values: so it is conditional on all that was read.

        The AWS client gives it a token: asked twice, it happens once.
        """
        for wait in read:
            _check_claimable(wait, now)
        mine = [
            replace(a, fence=a.fence + 1, lease_until=until, claimed_by=claimed_by, due_at=None)
            for a in read
        ]
        if not mine:
            return []
        try:
            self._client.transact_write_items(
                TransactItems=[{"Update": self._claim_update(wait)} for wait in mine]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response["CancellationReasons"]}
            if reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                raise LeaseHeldError(now) from error
            raise
        return mine

    def _claim_update(self, mine: Wait) -> dict[str, Any]:
        same = f"fence = :read AND #status = :status AND {_NOT_OVER}"
        if not mine.acknowledged:
            same += " AND attribute_not_exists(acknowledged)"
        return {
            "TableName": self._table,
            "Key": key_of(mine.session_id, mine.tool_use_id),
            "UpdateExpression": f"SET fence = :mine, lease_until = :until, claimed_by = :by"
            f"{_CLOSE}",
            "ConditionExpression": same,
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": codec.to_item(
                {
                    ":mine": mine.fence,
                    ":read": mine.fence - 1,
                    ":until": mine.lease_until,
                    ":status": mine.status,
                    ":by": mine.claimed_by,
                    ":message": mine.held_by,
                }
            ),
        }


def _nearest_first(turn: Sequence[str], named: Collection[str]) -> list[list[str]]:
    """Returns a turn in parts, each longer by far: what a message names, then what is near it."""
    at = [place for place, tool_use_id in enumerate(turn) if tool_use_id in named] or [0]
    order = sorted(turn, key=lambda i: min(abs(turn.index(i) - place) for place in at))
    parts, size = [], len(at) + 2
    while order:
        parts.append(order[:size])
        order, size = order[size:], size * 4
    return parts


def _told(found: dict[str, Wait], turn: Sequence[str], named: Collection[str]) -> list[Wait]:
    """Returns those of a turn that a message is about and that are decided."""
    told = [found[i] for i in turn if i in named and i in found]
    return [wait for wait in told if wait.status != Status.PENDING]


def _check_claimable(wait: Wait | None, now: int) -> None:
    if wait is None or wait.status == Status.PENDING:
        raise NotDecidedError(is_missing=wait is None)
    if wait.lease_until >= now:
        raise LeaseHeldError(wait.lease_until)
