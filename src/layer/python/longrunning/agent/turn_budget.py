"""How much one turn may ask, so that one transaction can claim it.

A claim takes the turn and what is left of earlier ones in one write, whatever people have typed by
then: texts, edits, comments, results of jobs. DynamoDB bounds the items of a transaction together.

    the questions of a turn, with an edit and a comment each     MAX_ASKED_BYTES
    the results of its jobs                                      MAX_RESULTS_BYTES
    approvals that are left for later                            MAX_UNSPENT_BYTES

Source: DynamoDB, "TransactWriteItems": 4 MB and 100 actions.
"""

from collections.abc import Iterable, Sequence

from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.waits.item import Wait, as_json

MAX_ASKED_BYTES = 2_200_000
MAX_RESULTS_BYTES = 600_000
MAX_UNSPENT_BYTES = 1_000_000

RESERVED_BYTES = 80_000
"""Of each item, for all else: votes, comments, the schemas of what can be edited, ids, times."""


def asked_bytes(content: str, arguments: str) -> int:
    """Returns what a question takes of its turn; `arguments` is their JSON, and all may change."""
    return len(content.encode()) + 2 * len(arguments.encode()) + RESERVED_BYTES


def room_for_edits(sizes: Sequence[int]) -> int | None:
    """Returns the longest edit of each question, in bytes; None where any that is allowed fits.

    Args:
        sizes: What each question of the turn takes, as `asked_bytes` says.
    """
    room_bytes = (MAX_ASKED_BYTES - sum(sizes)) // max(1, len(sizes))
    return None if room_bytes >= MAX_CONTENT_BYTES else max(0, room_bytes)


def room_for_results(jobs: int) -> int:
    """Returns the longest result of each job of a turn, in bytes of JSON."""
    return min(MAX_CONTENT_BYTES, MAX_RESULTS_BYTES // max(1, jobs))


def newest_that_fit(unspent: Sequence[Wait], most: int) -> tuple[str, ...]:
    """Returns the tool uses that can be left for later, the newest of them.

    Args:
        unspent: Approvals that nobody has used, the oldest first.
        most: At most so many.
    """
    kept: list[str] = []
    taken_bytes = 0
    for approval in reversed(unspent):
        taken_bytes += _stored_bytes(approval)
        if len(kept) == most or taken_bytes > MAX_UNSPENT_BYTES:
            break
        kept.append(approval.tool_use_id)
    return tuple(reversed(kept))


def _stored_bytes(approval: Wait) -> int:
    texts: Iterable[str] = (
        approval.asked.content or "",
        approval.edited_content or "",
        approval.comment or "",
        *(
            as_json(part)
            for part in (
                approval.asked.arguments,
                approval.content_schema,
                approval.editable,
                approval.edited_arguments,
                approval.votes,
            )
        ),
    )
    return sum(len(text.encode()) for text in texts) + 2_000
