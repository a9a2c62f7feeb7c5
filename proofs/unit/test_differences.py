"""Edits shown as differences: nothing of either text is lost, and what is shown can be read."""

from hypothesis import given
from hypothesis import strategies as st

import differences
from differences import parts_of

WORDS = st.text(alphabet="ab \n.é", max_size=40)


@given(WORDS, WORDS)
def test_both_texts_are_in_it_whole(before: str, after: str) -> None:
    parts = parts_of(before, after)
    assert "".join(text for kind, text in parts if kind != "added") == before
    assert "".join(text for kind, text in parts if kind != "removed") == after
    assert all(text for _, text in parts)


def test_words_are_compared_not_letters() -> None:
    assert parts_of("Meet our fastest unicorn today.", "Meet our oldest unicorn today.") == [
        ("same", "Meet our "), ("removed", "fastest"), ("added", "oldest"),
        ("same", " unicorn today."),
    ]  # fmt: skip


def test_a_short_word_between_two_changes_is_shown_as_changed() -> None:
    assert parts_of("red and blue", "pink and green") == [
        ("removed", "red and blue"), ("added", "pink and green"),
    ]  # fmt: skip
    kept = parts_of("red unicorns blue", "pink unicorns green")
    assert ("same", " unicorns ") in kept


def test_a_very_long_change_is_shown_whole_and_not_compared() -> None:
    many = differences.MAX_COMPARED_WORDS
    before, after = "a " * many, "b " * many
    assert parts_of(f"Hi. {before}End.", f"Hi. {after}End.") == [
        ("same", "Hi. "), ("removed", before.strip()), ("added", after.strip()), ("same", " End."),
    ]  # fmt: skip
