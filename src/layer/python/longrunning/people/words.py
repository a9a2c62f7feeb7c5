"""What e-mails and pages say, in the language of who reads it, with times in that person's zone.

Each file in `languages/` is a language, called by its tag: a copy of `en.json` under another tag is
one more. A name in braces stands for what is put in; the files hold no markup.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("languages")

REASON = "reason."
"""How the keys of the fixed sentences begin that programs get in English."""

_ENGLISH, _UTC = "en", "UTC"
_A_ZONE = "Europe/London"
"""Where this one is not known, the runtime has no zone data."""


class Words(NamedTuple):
    """The words of one reader. Nothing is read before the first of them is said."""

    language: str = _ENGLISH
    zone: str = _UTC
    """By its name in the IANA database."""

    def say(self, key: str, /, **parts: object) -> str:
        """Returns a sentence with its parts in place; what a language lacks is said in English.

        Args:
            key: Of the sentence, as in `languages/en.json`.
            parts: What its names in braces stand for; for a page HTML already.
        """
        return _texts(FOLDER, self.language)[key].format(**parts)

    def reason(self, english: str) -> str:
        """Returns a fixed sentence of the API in this language, any other text as it came."""
        key = _reasons(FOLDER).get(english) if self.language != _ENGLISH else None
        return self.say(key) if key else english

    def time(self, epoch_seconds: int) -> str:
        """Returns a time for people, such as `Saturday, 14 March 2026, 10:00 UTC`, rounded down.

        Where the runtime has no zone data, it is in UTC and says so.
        """
        zone = _zone(self.zone)
        moment = datetime.fromtimestamp(epoch_seconds, zone or UTC)
        return self.say(
            "time.moment",
            weekday=self.say("time.weekdays").split(", ")[moment.weekday()],
            day=moment.day,
            month=self.say("time.months").split(", ")[moment.month - 1],
            year=moment.year,
            clock=f"{moment:%H:%M}",
            zone=f"({self.zone})" if zone else _UTC,
        )


ENGLISH = Words()
"""What nobody by name reads: in English, in UTC."""


def languages() -> tuple[str, ...]:
    """Returns the tags of all languages that there are."""
    return _languages(FOLDER)


def is_zone(name: str) -> bool:
    """Tells whether there is such a time zone; yes for all where the runtime has no zone data."""
    return name == _UTC or _zone(name) is not None or _zone(_A_ZONE) is None


@cache
def _languages(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob("*.json")))


@cache
def _texts(folder: Path, language: str) -> Mapping[str, str]:
    text = (folder / f"{language}.json").read_text(encoding="utf-8")
    own: Mapping[str, str] = json.loads(text)
    return own if language == _ENGLISH else {**_texts(folder, _ENGLISH), **own}


@cache
def _reasons(folder: Path) -> Mapping[str, str]:
    texts = _texts(folder, _ENGLISH)
    return {text: key for key, text in texts.items() if key.startswith(REASON)}


@cache
def _zone(name: str) -> tzinfo | None:
    """Returns a zone; None for UTC, and for one that the runtime does not know."""
    if name == _UTC:
        return None
    from zoneinfo import ZoneInfo  # Most read times in UTC.

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
