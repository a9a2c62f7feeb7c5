"""The sentences of pages and e-mails: a file for each language, which a translator can copy."""

import ast
import json
import re
import shutil
import string
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import page_parts
import page_samples
from approval_api_driver import NOW
from decisions import NotSentError
from longrunning.people import email_parts, words
from longrunning.people.directory import PeopleError, Person, read_people
from longrunning.people.emails import MAX_EMAIL_BYTES, MAX_SUBJECT_CHARS
from longrunning.people.words import ENGLISH, Words
from longrunning.text import utc
from viewer import Viewer

ROOT = Path(__file__).parents[2]
API, PEOPLE = ROOT / "src/approval_api", ROOT / "src/layer/python/longrunning/people"

ENGLISH_TEXTS: dict[str, str] = json.loads((words.FOLDER / "en.json").read_text(encoding="utf-8"))
GROUPS = "|".join(sorted({key.partition(".")[0] for key in ENGLISH_TEXTS}))
KEY = re.compile(rf"(?:{GROUPS})\.[a-z_]*[a-z](?<!\.html)(?<!\.css)")

each = pytest.mark.parametrize("language", words.languages())


def texts_of(language: str) -> dict[str, str]:
    """A language's own sentences; a key that stands there twice is an error."""

    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    text = (words.FOLDER / f"{language}.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text, object_pairs_hook=once)
    return found


def places_in(text: str) -> list[str]:
    """The names in braces."""
    return sorted(name for _, name, *_ in string.Formatter().parse(text) if name is not None)


def shown_text(page: str) -> str:
    """What a page says, without its markup, its style, and the names that programs know."""
    without = re.sub(r"<(style|code)>.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", without)


def words_in(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text)}


# --- the files -----------------------------------------------------------------------------------


def test_there_are_english_and_german() -> None:
    assert {"de", "en"} <= set(words.languages())


@each
def test_a_language_has_every_sentence_with_the_same_places_and_no_other(language: str) -> None:
    texts = texts_of(language)
    assert list(texts) == list(ENGLISH_TEXTS), "in the same order, for whoever compares them"
    for key, text in texts.items():
        assert text.strip() == text != "", key
        assert places_in(text) == places_in(ENGLISH_TEXTS[key]), key


@each
def test_no_sentence_holds_markup(language: str) -> None:
    """They stand in pages as they are, some beside attributes."""
    for key, text in texts_of(language).items():
        assert not set("<>&") & set(text), key
        assert key.startswith("email.") or not set('"\n') & set(text), key


@each
def test_a_language_names_seven_days_and_twelve_months(language: str) -> None:
    own = Words(language)
    assert len(set(own.say("time.weekdays").split(", "))) == 7
    assert len(set(own.say("time.months").split(", "))) == 12


@each
def test_a_subject_is_of_ascii_alone(language: str) -> None:
    """SNS takes nothing else: what a language cannot say so becomes a question mark."""
    for key, text in texts_of(language).items():
        assert not key.startswith("email.subject") or text.isascii(), key


@each
def test_what_is_said_of_a_cut_fits_the_room_that_is_kept_for_it(language: str) -> None:
    mark = Words(language).say("email.text_cut", shown=1024, all=1024)
    assert len(f"\n\n{mark}".encode()) <= email_parts.CUT_MARK_BYTES


@dataclass(frozen=True)
class Samples:
    """All that one person is shown and sent, and the keys of the sentences in it."""

    pages: list[str]
    emails: list[tuple[str, str]]
    html_emails: list[str]
    said: set[str]


def samples_of(viewer: Viewer, person: Person | None) -> Samples:
    said, say = set(), Words.say

    def note(self: Words, key: str, /, **parts: object) -> str:
        said.add(key)
        return say(self, key, **parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Words, "say", note)
        return Samples(
            list(page_samples.pages(viewer)),
            list(page_samples.emails(person)),
            list(page_samples.html_emails(person or page_samples.EVE)),
            said,
        )


@pytest.fixture(scope="module")
def german() -> Samples:
    return samples_of(page_samples.GERMAN, page_samples.DORA)


@pytest.fixture(scope="module")
def english() -> Samples:
    return samples_of(Viewer(), None)


def test_every_sentence_is_said_somewhere(german: Samples, english: Samples) -> None:
    for one in (german, english):
        assert all([*one.pages, *one.emails])
        assert all(one.html_emails)
    said = german.said | english.said
    of_refusals = {key for key in ENGLISH_TEXTS if key.startswith(words.REASON)}
    assert ENGLISH_TEXTS.keys() - said == of_refusals
    assert said <= ENGLISH_TEXTS.keys()


def test_every_key_in_the_code_is_one_of_the_file() -> None:
    for file in [*API.glob("*.py"), *PEOPLE.glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if KEY.fullmatch(node.value):
                    assert node.value in ENGLISH_TEXTS, f"{file.name}: {node.value}"
    for file in API.glob("pages/*.html"):
        for name in re.findall(rf"\$((?:{GROUPS})_[a-z_]+)", file.read_text()):
            assert name.replace("_", ".", 1) in ENGLISH_TEXTS, f"{file.name}: {name}"


# --- refusals ------------------------------------------------------------------------------------


def fixed_reasons() -> Iterator[str]:
    """The constants of the API that are sentences: what a request is refused with.

    Reasons that name a field begin with its name; systems that call back get no page.
    """
    for file in API.glob("*.py"):
        if file.name == "callbacks.py":
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign):
                for part in ast.walk(node.value):
                    text = part.value if isinstance(part, ast.Constant) else None
                    if isinstance(text, str) and re.fullmatch(r"[A-Z].*\.", text):
                        yield text
    yield str(NotSentError(None))


def test_a_fixed_reason_is_said_in_each_language_and_any_other_stays_as_it_is() -> None:
    fixed, german = list(fixed_reasons()), Words("de")
    in_file = {text for key, text in ENGLISH_TEXTS.items() if key.startswith(words.REASON)}
    assert set(fixed) == in_file
    assert [reason for reason in fixed if german.reason(reason) == reason] == []
    assert [ENGLISH.reason(reason) for reason in fixed] == fixed
    assert german.reason("comment: expected a text") == "comment: expected a text"


# --- a language more -----------------------------------------------------------------------------


@pytest.fixture
def with_swiss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the languages, and in it a third one, made by copying a file."""
    folder = tmp_path / "languages"
    shutil.copytree(words.FOLDER, folder)
    german = (folder / "de.json").read_text(encoding="utf-8")
    (folder / "de-CH.json").write_text(german.replace("ß", "ss"), encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", folder)
    return folder


def test_a_copy_of_a_file_is_a_language(with_swiss: Path, tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text(
        '[urs]\nname = "Urs"\nemail = "u@example.com"\nlanguage = "de-CH"\n'
    )
    people = read_people(tmp_path / "people.toml")
    pages = list(page_samples.pages(Viewer("urs", people)))
    assert all('<html lang="de-CH">' in page for page in pages)
    assert any("Sie können diese Seite schliessen." in page for page in pages)
    assert any("außerdem" in body for _, body in page_samples.emails(page_samples.DORA))
    assert any("ausserdem" in body for _, body in page_samples.emails(people["urs"]))


def test_what_a_copy_lacks_is_said_in_english(with_swiss: Path) -> None:
    (with_swiss / "fr.json").write_text('{"page.yes": "oui"}')
    french = Words("fr")
    assert (french.say("page.yes"), french.say("page.no")) == ("oui", "no")
    with pytest.raises(KeyError):
        french.say("page.unknown")


def test_an_unknown_language_is_refused_and_those_there_are_are_named(tmp_path: Path) -> None:
    there_are = re.escape(", ".join(words.languages()))
    for language in ("tlh", "DE", "../de", "../languages/de", "de.json"):
        why = rf"\[ann\]: language: expected one of {there_are}, got {re.escape(language)}"
        with pytest.raises(PeopleError, match=why):
            read_people(people_file(tmp_path, f'language = "{language}"'))


def people_file(folder: Path, line: str) -> Path:
    file = folder / "people.toml"
    file.write_text(f'[ann]\nname = "Ann"\nemail = "a@example.com"\n{line}\n')
    return file


# --- times ---------------------------------------------------------------------------------------


@pytest.fixture
def without_zone_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A runtime that has no zone data, neither of the system nor as a package."""
    monkeypatch.setitem(__import__("sys").modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    words._zone.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    words._zone.cache_clear()


def test_a_time_is_in_the_zone_of_whoever_reads_it() -> None:
    zagreb, winter, summer = "Europe/Zagreb", NOW, NOW + 100 * 86_400
    assert Words("en", zagreb).time(winter) == "Saturday, 14 March 2026, 11:00 (Europe/Zagreb)"
    assert Words("en", zagreb).time(summer) == "Monday, 22 June 2026, 12:00 (Europe/Zagreb)"
    assert Words("de", "Asia/Tokyo").time(winter) == (
        "Samstag, 14. März 2026, 19:00 Uhr (Asia/Tokyo)"
    )
    assert Words("de").time(winter) == "Samstag, 14. März 2026, 10:00 Uhr UTC"


def test_in_english_and_utc_a_time_is_what_it_always_was() -> None:
    for days in range(0, 800, 3):
        at = NOW + days * 86_399
        assert ENGLISH.time(at) == utc(at)


def test_a_page_has_the_time_of_the_zone_and_for_machines_that_of_utc() -> None:
    assert page_parts.moment(NOW, Words("en", "America/New_York")) == (
        '<time datetime="2026-03-14T10:00:00Z">'
        "Saturday, 14 March 2026, 06:00 (America/New_York)</time>"
    )


@pytest.mark.usefixtures("without_zone_data")
def test_without_zone_data_times_are_in_utc_and_say_so(tmp_path: Path) -> None:
    people = read_people(people_file(tmp_path, 'time_zone = "Europe/Zagreb"'))
    assert people["ann"].words.time(NOW) == "Saturday, 14 March 2026, 10:00 UTC"


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    for zone in ("Europe/Zagrab", "CET+1", "../etc", "/etc/localtime", "Europe", "europe/zagreb"):
        with pytest.raises(PeopleError, match=r"time_zone: expected one such as Europe/Zagreb"):
            read_people(people_file(tmp_path, f'time_zone = "{zone}"'))
    assert read_people(people_file(tmp_path, 'time_zone = "UTC"'))["ann"].words == ENGLISH


# --- german --------------------------------------------------------------------------------------

GERMAN_WORDS = words_in(" ".join(texts_of("de").values()))
ENGLISH_WORDS = words_in(" ".join(ENGLISH_TEXTS.values())) - GERMAN_WORDS


def test_no_german_page_has_an_english_word(german: Samples) -> None:
    """Of the English file. The values in it are words of no language."""
    assert len(german.pages) > 100
    for page in german.pages:
        assert page.startswith('<!doctype html>\n<html lang="de">')
        assert words_in(shown_text(page)) & ENGLISH_WORDS == set()


def test_no_german_e_mail_has_an_english_word_and_sns_takes_each(german: Samples) -> None:
    for subject, body in german.emails:
        assert words_in(f"{subject} {body}") & ENGLISH_WORDS == set()
        assert subject.isascii() and len(subject) <= MAX_SUBJECT_CHARS
        assert len(body.encode()) <= MAX_EMAIL_BYTES


def test_no_german_e_mail_in_html_has_an_english_word(german: Samples) -> None:
    for page in german.html_emails:
        assert page.startswith('<!doctype html>\n<html lang="de"')
        assert words_in(shown_text(page)) & ENGLISH_WORDS == set()


def test_what_would_be_english_is_noticed(english: Samples) -> None:
    pages = list(page_samples.pages(Viewer("eve", page_samples.PEOPLE)))
    assert all(words_in(shown_text(page)) & ENGLISH_WORDS for page in pages)
    assert all(words_in(body) & ENGLISH_WORDS for _, body in english.emails)
