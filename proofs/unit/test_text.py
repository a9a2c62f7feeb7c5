"""What an approver must see is seen."""

import unicodedata

import pytest

from longrunning.text import normalise_newlines, utc, visible


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\u202e", "[U+202E]"),
        ("\u2066", "[U+2066]"),
        ("\u200b", "[U+200B]"),
        ("\u200d", "[U+200D]"),
        ("\ufeff", "[U+FEFF]"),
        ("\u00ad", "[U+00AD]"),
        ("\u3164", "[U+3164]"),
        ("\u2800", "[U+2800]"),
        ("\u2028", "[U+2028]"),
        ("\u0000", "[U+0000]"),
        ("\u001b", "[U+001B]"),
        ("\r", "[U+000D]"),
        ("\u0085", "[U+0085]"),
        ("\ufe0f", "[U+FE0F]"),
        ("\ufe01", "[U+FE01]"),
        ("\ud800", "[U+D800]"),
        ("\uffff", "[U+FFFF]"),
        ("\U000e0041", "[U+E0041]"),
        ("\U000e01ef", "[U+E01EF]"),
        ("\U0001d173", "[U+1D173]"),
        ("\U0010fffe", "[U+10FFFE]"),
    ],
)
def test_an_invisible_character_is_shown_as_its_code_point(character: str, shown: str) -> None:
    assert visible(f"a{character}b") == f"a{shown}b"


def test_no_control_or_format_character_stays_but_tab_and_newline() -> None:
    hidden = [
        character
        for character in map(chr, range(0x110000))
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and visible(character) == character
    ]
    assert hidden == ["\t", "\n"]


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Grüße, 北京! שלום — «1 000 €»\t✓\n🦄 ❤\ufe0f ☎\ufe0f 1\ufe0f\u20e3 [U+202E] \ufffd"
    assert visible(text) == text


def test_an_emoji_variant_is_shown_where_no_emoji_is() -> None:
    assert visible("❤\ufe0f\ufe0f") == "❤\ufe0f[U+FE0F]"


def test_every_character_of_a_run_is_shown() -> None:
    assert visible("a\u200b\u202e\U000e0041b") == "a[U+200B][U+202E][U+E0041]b"


def test_a_run_is_marked_as_one() -> None:
    assert visible("a\u200b\u202eb\u200b", lambda run: f"<{len(run)}>") == "a<2>b<1>"


def test_of_a_pile_of_accents_only_the_first_six_stay() -> None:
    pile = "z" + "\u0301" * 4 + "\u0323" * 5 + "y"
    assert visible(pile) == "z" + "\u0301" * 4 + "\u0323" * 2 + "[U+0323]" * 3 + "y"


@pytest.mark.parametrize("word", ["Việt", "שָׁ֑לוֹם", "مُحَمَّدٌ", "हिन्दी", "มิ้น", "မြွှောင့်", "ཧཱུྃ"])
def test_the_marks_that_scripts_need_stay(word: str) -> None:
    assert visible(word) == word
    decomposed = unicodedata.normalize("NFD", word)
    assert visible(decomposed) == decomposed


def test_newlines_of_any_kind_become_line_feeds() -> None:
    assert normalise_newlines("a\r\nb\rc\nd\r\n\r\n") == "a\nb\nc\nd\n\n"


def test_a_time_is_shown_in_words_and_in_utc() -> None:
    assert utc(1_773_482_459) == "Saturday, 14 March 2026, 10:00 UTC"
