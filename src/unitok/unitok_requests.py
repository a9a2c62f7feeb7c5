"""Validates what UniTok accepts; no other module does.

A post, as `POST /posts` takes it (all but `content` may be left out):

    {"content": "text", "author": "Unicorn Rentals", "unicorn_color": "rainbow", "image_url": null}

Reasons name the field, what was expected and what came, and never repeat the content: they are
logged, and the agent reads them.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from longrunning import http
from longrunning.http import Event, RefusedError, type_name

UNICORN_COLORS = ("pink", "blue", "purple", "green", "yellow", "rainbow")
DEFAULT_AUTHOR = "Unicorn Rentals"
DEFAULT_COLOR = "rainbow"

MAX_CONTENT_BYTES = 262_144
"""In UTF-8; a DynamoDB item takes 400 KB in all."""

MAX_AUTHOR_CHARS = 100
MAX_IMAGE_URL_CHARS = 2_048

IDEMPOTENCY_KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,512}")
"""Printable ASCII without spaces; a DynamoDB sort key takes 1,024 bytes."""

LIMIT_PATTERN = re.compile(r"[1-9][0-9]{0,8}")
POST_ID_PATTERN = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Submission:
    """A valid post that is not stored yet."""

    content: str
    author: str = DEFAULT_AUTHOR
    unicorn_color: str = DEFAULT_COLOR
    image_url: str | None = None


SUBMISSION_FIELDS = tuple(Submission.__dataclass_fields__)


@dataclass(frozen=True)
class Page:
    """Which posts are asked for: at most `limit` of them, older than the post `before`."""

    limit: int | None = None
    before: str | None = None


def parse_idempotency_key(event: Event) -> str:
    """Returns the `Idempotency-Key` header.

    Raises:
        RefusedError: 400, the header is missing or unusable.
    """
    key = http.headers(event).get("idempotency-key", "")
    if not IDEMPOTENCY_KEY_PATTERN.fullmatch(key):
        raise RefusedError(
            400, "Idempotency-Key: expected 1 to 512 printable ASCII characters without spaces"
        )
    return key


def parse_page(query: dict[str, str]) -> Page:
    """Returns the page that a query string asks for.

    Raises:
        RefusedError: 400, `limit` is no positive whole number or `before` no post id.
    """
    limit, before = query.get("limit"), query.get("before")
    if limit is not None and not LIMIT_PATTERN.fullmatch(limit):
        raise RefusedError(400, "limit: expected a whole number above 0")
    if before is not None and not POST_ID_PATTERN.fullmatch(before):
        raise RefusedError(400, "before: expected a post_id")
    return Page(int(limit) if limit else None, before)


def parse_submission(event: Event) -> Submission:
    """Parses the body of `POST /posts`. A post never lacks what somebody sent for it.

    Raises:
        RefusedError: 400 for what is no such JSON document, has fields that are not known, or puts
            any into the query; 422 for a value that is not allowed.
    """
    document = http.json_object(event)
    http.only_known(document, SUBMISSION_FIELDS)
    http.no_query(event, *http.SIGNATURE_NAMES)
    image_url = None
    if document.get("image_url") is not None:
        image_url = _image_url(_text(document, "image_url"))
    return Submission(
        content=_content(_text(document, "content")),
        author=_author(_text(document, "author", DEFAULT_AUTHOR)),
        unicorn_color=_color(_text(document, "unicorn_color", DEFAULT_COLOR)),
        image_url=image_url,
    )


def _content(content: str) -> str:
    if not content.strip():
        raise RefusedError(422, "content: expected a text that is not empty")
    size_bytes = len(content.encode())
    if size_bytes > MAX_CONTENT_BYTES:
        raise RefusedError(
            422, f"content: expected at most {MAX_CONTENT_BYTES} bytes of UTF-8, got {size_bytes}"
        )
    return content


def _author(author: str) -> str:
    if not author.strip() or len(author) > MAX_AUTHOR_CHARS or _has_control(author):
        raise RefusedError(422, f"author: expected one line of 1 to {MAX_AUTHOR_CHARS} characters")
    return author


def _color(color: str) -> str:
    if color not in UNICORN_COLORS:
        raise RefusedError(422, f"unicorn_color: expected one of {', '.join(UNICORN_COLORS)}")
    return color


def _image_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or len(url) > MAX_IMAGE_URL_CHARS or _has_control(url) or _has_space(url):
        raise RefusedError(
            422, f"image_url: expected null or an https URL of at most {MAX_IMAGE_URL_CHARS} "
            "characters"
        )  # fmt: skip
    return url


def _text(document: dict[str, Any], field: str, default: str | None = None) -> str:
    value = document.get(field, default)
    if not isinstance(value, str):
        raise RefusedError(400, f"{field}: expected a text, got {type_name(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can escape half a surrogate pair
        raise RefusedError(400, f"{field}: expected valid Unicode") from error
    return value


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)


def _has_space(text: str) -> bool:
    return any(character.isspace() for character in text)
