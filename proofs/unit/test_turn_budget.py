"""How much a turn may ask: whatever people type, one transaction takes it."""

import pytest

from core_samples import asked
from longrunning.agent.turn_budget import (
    MAX_ASKED_BYTES,
    MAX_RESULTS_BYTES,
    MAX_UNSPENT_BYTES,
    asked_bytes,
    newest_that_fit,
    room_for_edits,
    room_for_results,
)
from longrunning.messages import MAX_CONTENT_BYTES

TRANSACTION_BYTES = 4_000_000
"""Source: DynamoDB, "TransactWriteItems"; taken as the smaller of what 4 MB may mean."""


def test_all_budgets_together_fit_one_transaction() -> None:
    assert MAX_ASKED_BYTES + MAX_RESULTS_BYTES + MAX_UNSPENT_BYTES < TRANSACTION_BYTES


def test_one_question_may_be_edited_as_far_as_an_item_allows() -> None:
    assert room_for_edits([asked_bytes("x" * MAX_CONTENT_BYTES, "{}")]) is None


@pytest.mark.parametrize("count", [2, 7, 20])
def test_all_questions_of_a_turn_fit_however_they_are_edited(count: int) -> None:
    for length in (1, 1_000, 29_000):
        sizes = [asked_bytes("x" * length, "{}")] * count
        room = room_for_edits(sizes)
        longest = MAX_CONTENT_BYTES if room is None else room
        assert sum(sizes) + count * longest <= MAX_ASKED_BYTES or room is None
        assert longest >= 0


def test_one_job_may_answer_with_all_that_a_message_may_hold_and_many_share() -> None:
    assert room_for_results(1) == room_for_results(2) == MAX_CONTENT_BYTES
    assert 20 * room_for_results(20) <= MAX_RESULTS_BYTES
    assert room_for_results(0) == MAX_CONTENT_BYTES


def test_what_is_left_for_later_has_a_size() -> None:
    large = [asked(tool_use_id=f"ask-{n}", content="x" * 250_000) for n in range(6)]
    assert newest_that_fit(large, most=80) == ("ask-3", "ask-4", "ask-5")
    edited = [asked(tool_use_id=f"ask-{n}", edited_content="x" * 250_000) for n in range(6)]
    assert newest_that_fit(edited, most=80) == ("ask-3", "ask-4", "ask-5")


def test_what_is_left_for_later_has_a_number() -> None:
    small = [asked(tool_use_id=f"ask-{n}") for n in range(6)]
    assert newest_that_fit(small, most=2) == ("ask-4", "ask-5")
    assert newest_that_fit(small, most=80) == tuple(a.tool_use_id for a in small)
    assert newest_that_fit([], most=80) == ()
