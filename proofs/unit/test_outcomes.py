"""What came of an approved call, as the record tells it."""

from typing import Any

import pytest

from approval_api_driver import pending
from longrunning.waits import outcomes

YES = {"status": "success", "text": "Published as post 1."}
NO = {"status": "error", "text": "Order 17 is closed."}


@pytest.mark.parametrize(
    ("changes", "effect", "reason"),
    [
        ({"status": "PENDING"}, None, None),
        ({"status": "DENIED"}, None, None),
        ({"status": "EXPIRED"}, None, None),
        ({"status": "CANCELLED"}, None, None),
        ({"status": "RESOLVED", "call": None}, None, None),
        ({"status": "APPROVED"}, None, None),
        ({"status": "APPROVED", "not_done": "end_turn"}, "not_done", "end_turn"),
        ({"status": "APPROVED", "not_done": ""}, "not_done", ""),
        ({"status": "SPENT"}, "done", None),
        ({"status": "SPENT", "answer": YES}, "done", None),
        ({"status": "SPENT", "refused": True}, "refused", None),
        ({"status": "SPENT", "refused": True, "answer": NO}, "refused", "Order 17 is closed."),
        ({"status": "SPENT", "answer": NO}, "refused", "Order 17 is closed."),
        ({"status": "SPENT", "not_done": "end_turn"}, "done", None),
        ({"status": "DENIED", "not_done": "end_turn"}, None, None),
    ],
)
def test_an_effect_is_told_by_the_record(
    changes: dict[str, Any], effect: str | None, reason: str | None
) -> None:
    assert outcomes.facts_of(pending(**changes)) == {"effect": effect, "effect_reason": reason}


def test_a_reason_is_no_longer_than_a_list_can_bear() -> None:
    said = {"status": "error", "text": "x" * 5_000}
    reason = outcomes.reason_of(pending(status="SPENT", refused=True, answer=said))
    assert reason == "x" * outcomes.MAX_REASON_CHARS
