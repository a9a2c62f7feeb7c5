"""Votes at the same moment: whatever happens between a vote's read and its write.

`edit_of` is called between the two: there these tests do what another person, an operator or the
clock does.
"""

from collections.abc import Callable
from typing import Any

import pytest

from core_samples import NOW, SESSION_ID, TOOL_USE_ID, asked
from longrunning.waits import votes
from longrunning.waits.answers import Answers
from longrunning.waits.item import Edit, Status, Wait
from longrunning.waits.open_waits import OpenWaits
from longrunning.waits.votes import TRIES, TooManyAtOnceError, Vote, Votes

IDS = (SESSION_ID, TOOL_USE_ID)


@pytest.fixture
def store(dynamodb: Any, approvals_table: str) -> Votes:
    """The table, with an approval that two of three must agree to."""
    Answers(dynamodb, approvals_table).put_if_absent(
        asked(content="Text", approvers=["ann", "bob", "cyd"], needed=2)
    )
    return Votes(dynamodb, approvals_table)


def found(store: Votes) -> Wait:
    wait = store.get(*IDS)
    assert wait
    return wait


def say(
    store: Votes,
    by: str,
    decision: Any = "approved",
    *,
    edit: Edit | None = None,
    meanwhile: Callable[[], object] = lambda: None,
    now: int = NOW + 60,
    seen: str = "",
) -> str:
    """Votes; what happens meanwhile happens once, between the first read and its write."""
    waiting = [meanwhile]

    def edit_of(_: Wait) -> Edit | None:
        if waiting:
            waiting.pop()()
        return edit

    vote = Vote(by, "link", decision, seen or found(store).in_force.digest)
    return store.vote(*IDS, vote, edit_of, now).outcome


def test_of_two_first_votes_at_once_none_is_lost(store: Votes) -> None:
    """The first one has no list to compare with."""
    assert say(store, "ann", meanwhile=lambda: say(store, "bob")) == "decided"
    assert found(store).approved_by == ("bob", "ann")
    assert [vote["by"] for vote in found(store).votes or ()] == ["bob", "ann"]


def test_of_two_later_votes_at_once_none_is_lost(dynamodb: Any, approvals_table: str) -> None:
    Answers(dynamodb, approvals_table).put_if_absent(
        asked(content="Text", approvers=["ann", "bob", "cyd"], needed=3)
    )
    store = Votes(dynamodb, approvals_table)
    say(store, "ann")
    assert say(store, "bob", meanwhile=lambda: say(store, "cyd")) == "decided"
    assert found(store).approved_by == ("ann", "cyd", "bob")


def test_a_vote_and_a_denial_at_once_end_as_the_denial(store: Votes) -> None:
    assert say(store, "ann", meanwhile=lambda: say(store, "bob", "denied")) == "conflict"
    assert [vote["by"] for vote in found(store).votes or ()] == ["bob"]


def test_a_vote_after_an_edit_at_the_same_moment_is_not_counted(store: Votes) -> None:
    changed = say(store, "ann", meanwhile=lambda: say(store, "bob", edit=Edit("Mine")))
    assert changed == "changed"
    assert found(store).approved_by == ("bob",)


def test_a_vote_changes_nothing_of_what_is_cancelled_at_the_same_moment(
    store: Votes, dynamodb: Any, approvals_table: str
) -> None:
    answers = Answers(dynamodb, approvals_table)

    def cancel() -> None:
        answers.cancel(*IDS, decided_by="iam:x", now=NOW + 50)

    assert say(store, "ann", meanwhile=cancel) == "expired"
    assert (found(store).status, found(store).votes) == (Status.CANCELLED, None)


def test_a_vote_changes_nothing_of_what_expires_at_the_same_moment(
    store: Votes, dynamodb: Any, approvals_table: str
) -> None:
    open_waits = OpenWaits(dynamodb, approvals_table)
    end = found(store).decide_by

    def expire() -> None:
        assert open_waits.expire(found(store), end)

    assert say(store, "ann", now=end - 1, meanwhile=expire) == "expired"
    assert (found(store).status, found(store).votes) == (Status.EXPIRED, None)


@pytest.mark.parametrize(("late", "outcome"), [(-1, "counted"), (0, "expired"), (1, "expired")])
def test_a_vote_comes_in_time(store: Votes, late: int, outcome: str) -> None:
    assert say(store, "ann", now=found(store).decide_by + late) == outcome


def test_the_write_itself_wants_it_to_be_in_time(
    store: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read may be of before its end, and the clock go on."""
    monkeypatch.setattr(votes, "_outcome_without", lambda *_: None)
    with pytest.raises(TooManyAtOnceError):
        say(store, "ann", now=found(store).decide_by)
    assert found(store).votes is None


def test_the_write_itself_wants_several_to_be_needed(
    store: Votes, dynamodb: Any, approvals_table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Answers(dynamodb, approvals_table).put_if_absent(asked(tool_use_id="one", approvers=["ann"]))
    monkeypatch.setattr(votes, "_outcome_without", lambda *_: None)
    vote = Vote("ann", "link", "approved", "")
    with pytest.raises(TooManyAtOnceError):
        store.vote(SESSION_ID, "one", vote, lambda _: None, NOW)


def test_who_is_overtaken_again_and_again_is_told_so(
    store: Votes, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[str] = []

    def edit_of(_: Wait) -> None:
        times.append(say(store, "bob", edit=Edit(f"Text {len(times)}")))

    real = votes._outcome_without
    monkeypatch.setattr(
        votes, "_outcome_without", lambda w, v, *more: (v.by == "bob" and real(w, v, *more)) or None
    )
    with pytest.raises(TooManyAtOnceError):
        store.vote(*IDS, Vote("ann", "link", "approved", ""), edit_of, NOW)
    assert times == ["counted"] * TRIES


def test_an_unknown_wait_and_one_that_is_no_approval_have_no_votes(
    store: Votes, dynamodb: Any, approvals_table: str
) -> None:
    vote = Vote("ann", "link", "approved", "")
    assert store.vote(SESSION_ID, "gone", vote, lambda _: None, NOW).outcome == "unknown"
    job = Wait(SESSION_ID, "job", "a", "run_job", NOW, NOW + 60)
    Answers(dynamodb, approvals_table).put_if_absent(job)
    assert store.vote(SESSION_ID, "job", vote, lambda _: None, NOW).outcome == "unknown"


def test_an_edit_is_due_at_once_for_those_who_have_voted(store: Votes) -> None:
    say(store, "ann", edit=Edit("First"))
    assert found(store).remind_at is None, "nobody had voted"
    say(store, "bob", edit=Edit("Second"), now=NOW + 70)
    assert (found(store).remind_at, found(store).due_at) == (NOW + 70, NOW + 70)
    assert found(store).in_force.content == "Second"


def test_the_votes_have_a_size(store: Votes) -> None:
    comment = "🦄" * 2_000
    vote = Vote("ann", "link", "approved", found(store).in_force.digest, comment)
    outcomes = [
        store.vote(*IDS, Vote(*(*vote[:3], found(store).in_force.digest, vote.comment)),
                   lambda _, n=n: Edit(f"Text {n}"), NOW).outcome
        for n in range(4)
    ]  # fmt: skip
    assert outcomes == ["counted", "counted", "counted", "full"]
