"""Scanners: whatever opens the links on a mail's way, nothing is written and no message is sent.

Mail gateways open links, chat programs preview them, browsers fetch them ahead; some rewrite them
before. Requests go through the routes of the template, as API Gateway has them.

A POST decides. Where its body names no decision the link's own `?decision=` counts, so that
`curl -X POST "$LINK"` works: a scanner that posts the whole link has decided. What posts here posts
anything else.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import pytest

import prove_figures
from furnished import Furnished, furnish
from gateway import Gateway
from world import Mail, forget_environments

ROUNDS = prove_figures.size(short=200, long=1_000)

AHEAD = [
    {},
    {"purpose": "prefetch"},
    {"sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"x-moz": "prefetch"},
    {"x-purpose": "preview"},
    {"x-requested-with": "XMLHttpRequest"},
    {"range": "bytes=0-1023"},
    {"if-none-match": "*"},
    {"expect": "100-continue"},
]
"""What says that nobody is reading yet, and what could change an answer's meaning."""

AGENTS = [
    "Mozilla/5.0 (compatible; link scanner)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    "python-requests/2.32",
    "",
]
ACCEPTS = ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "application/json", "image/*", ""]


@pytest.fixture(scope="module")
def figures() -> Iterator[Counter[str]]:
    """Adds up what the tests of this file did."""
    counted: Counter[str] = Counter()
    yield counted
    prove_figures.record("scanners", **counted)


@pytest.fixture(scope="module")
def furnished() -> Iterator[Furnished]:
    """One world for all: nothing here may change it."""
    with pytest.MonkeyPatch.context() as patch:
        yield furnish(patch)
    forget_environments()


@pytest.fixture(scope="module")
def mail(furnished: Furnished) -> Mail:
    """The e-mail of the waiting session."""
    (sent,) = furnished.world.read_mail()
    return sent


def watch(furnished: Furnished, patch: pytest.MonkeyPatch) -> list[str]:
    """Notes every call to AWS that could change something, in the list that it returns."""
    noted: list[str] = []
    call = furnished.world.pocket.call

    def noting(client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if not operation.startswith(("Get", "Query", "Scan", "BatchGet")):
            noted.append(operation)
        return call(client, operation, params)

    patch.setattr(furnished.world.pocket, "call", noting)
    return noted


@pytest.fixture
def nothing_written(
    furnished: Furnished, figures: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Whatever the test sends: no write, no message, and everything as it was."""
    noted = watch(furnished, monkeypatch)
    yield
    messages = [operation for operation in noted if operation in ("SendMessage", "Publish")]
    figures.update(writes=len(noted) - len(messages), messages=len(messages))
    assert noted == []
    assert furnished.changes() == {}


def fetch(method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> int:
    """Sends a request as it is written; returns the status."""
    parts = urlsplit(url)
    given = {"accept": "text/html", **(headers or {})}
    return int(Gateway().answer(method, parts.path, parts.query, given, body)["statusCode"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("answer", ["approve", "deny"])
def test_opening_a_link_again_and_again_writes_nothing(
    mail: Mail, nothing_written: None, figures: Counter[str], method: str, answer: str
) -> None:
    for number in range(ROUNDS):
        headers = {
            "user-agent": AGENTS[number % len(AGENTS)],
            "accept": ACCEPTS[number % len(ACCEPTS)],
            **AHEAD[number % len(AHEAD)],
        }
        assert fetch(method, mail.links[answer], headers) == (204 if method == "OPTIONS" else 200)
    figures["requests"] += ROUNDS


# --- rewritten links -----------------------------------------------------------------------------


def in_safelinks(url: str) -> str:
    """Wrapped: the link is one parameter of another, and the parameters of the other follow."""
    more = {"data": "05|02|ann@example.com|0", "sdata": "x" * 43 + "=", "reserved": "0"}
    return "https://eur01.safelinks.example.com/?" + urlencode({"url": url, **more})


def out_of_safelinks(wrapped: str) -> str:
    return parse_qs(urlsplit(wrapped).query)["url"][0]


def in_url_defense(url: str) -> str:
    """Wrapped with signs of its own: `-` for `%`, `_` for `/`."""
    escaped = quote(url, safe="/").replace("_", "%5F").replace("-", "%2D")
    return "https://urldefense.example.com/v2/url?u=" + escaped.replace("%", "-").replace("/", "_")


def out_of_url_defense(wrapped: str) -> str:
    escaped = wrapped.partition("?u=")[2].partition("&")[0]
    return unquote(escaped.replace("_", "/").replace("-", "%"))


def percent_encoded(url: str, digits: str) -> str:
    """Every letter of the token as a percent escape."""
    start, token, end = re.split(r"(?<=/approvals/)([^?]*)", url)
    return start + "".join(f"%{ord(letter):{digits}}" for letter in token) + end


STILL_THE_LINK = {
    "wrapped": lambda url: out_of_safelinks(in_safelinks(url)),
    "wrapped twice": lambda url: out_of_safelinks(
        out_of_safelinks(in_safelinks(in_safelinks(url)))
    ),
    "wrapped with other signs": lambda url: out_of_url_defense(in_url_defense(url)),
    "upper-case escapes": lambda url: percent_encoded(url, "02X"),
    "lower-case escapes": lambda url: percent_encoded(url, "02x"),
    "tracking": lambda url: url + "&utm_source=mail&utm_campaign=a%20b&fbclid=IwAR0",
    "tracking before": lambda url: url.replace("?", "?mc_cid=1&", 1),
    "escaped for HTML": lambda url: html.escape(url + "&x=1"),
    "escaped parameter": lambda url: url.replace("decision=", "%64ecision="),
    "decision twice": lambda url: url + "&decision=denied",
    "without its query": lambda url: url.partition("?")[0],
    "an empty query": lambda url: url.partition("?")[0] + "?",
    "a fragment": lambda url: url + "#read",
    **{f"a {sign!r} at the end": lambda url, sign=sign: url + sign for sign in ".,;:)>]\"'!/%"},
}
NO_LINK_ANY_MORE = {
    "a slash after the token": lambda url: url.replace("?", "/?"),
    "a sign after the token": lambda url: url.replace("?", ".?"),
    "a soft line break": lambda url: url.replace("?", "=0A?"),
    "cut at 76 characters": lambda url: url[:76],
    "lower-cased": str.lower,
    "upper-cased": str.upper,
    "escaped twice": lambda url: percent_encoded(url, "02X").replace("%", "%25"),
    "its end in the text after": lambda url: url.replace("?", "%20and?"),
}


@pytest.mark.parametrize("rewritten", STILL_THE_LINK)
def test_a_rewritten_link_still_shows_and_writes_nothing(
    mail: Mail, nothing_written: None, figures: Counter[str], rewritten: str
) -> None:
    for link in mail.links.values():
        for headers in AHEAD:
            assert fetch("GET", STILL_THE_LINK[rewritten](link), headers) == 200
            assert fetch("HEAD", STILL_THE_LINK[rewritten](link), headers) == 200
            figures["requests"] += 2


@pytest.mark.parametrize("rewritten", NO_LINK_ANY_MORE)
def test_a_spoilt_link_is_none_whoever_sends_it_and_however(
    mail: Mail, nothing_written: None, figures: Counter[str], rewritten: str
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for link in mail.links.values():
        spoilt = NO_LINK_ANY_MORE[rewritten](link)
        assert fetch("GET", spoilt) == fetch("HEAD", spoilt) == 404
        assert fetch("POST", spoilt) == fetch("POST", spoilt, form, b"decision=approved") == 404
        figures["requests"] += 4


# --- what posts without deciding -----------------------------------------------------------------

POSTED: dict[str, tuple[str, bytes]] = {
    "nothing": ("", b""),
    "an empty form": ("application/x-www-form-urlencoded", b""),
    "a form that decides nothing": ("application/x-www-form-urlencoded", b"url=x&submit=Submit"),
    "the comment alone": ("application/x-www-form-urlencoded", b"comment=test"),
    "every field empty": ("application/x-www-form-urlencoded", b"decision=&comment=&content="),
    "both buttons": ("application/x-www-form-urlencoded", b"decision=approved&decision=denied"),
    "an empty object": ("application/json", b"{}"),
    "null": ("application/json", b"null"),
    "a list": ("application/json", b'["approved"]'),
    "another word": ("application/json", b'{"decision": "yes"}'),
    "a decision as text": ("text/plain", b"decision=approved"),
    "a decision without a type": ("", b"decision=approved"),
    "parts": (
        "multipart/form-data; boundary=x",
        b'--x\r\nname="decision"\r\n\r\napproved\r\n--x--',
    ),
    "XML": ("application/xml", b"<decision>approved</decision>"),
    "a report of a browser": ("application/csp-report", b'{"csp-report": {}}'),
    "a ping": ("text/ping", b"PING"),
}
ENDINGS = ["", "?", "?decision=", "?decision=approve", "?decision=approved.", "?Decision=approved",
           "?decision=approved&decision=denied", "?utm_source=decision%3Dapproved"]  # fmt: skip


@pytest.mark.parametrize("posted", POSTED)
def test_a_post_that_decides_nothing_is_refused(
    mail: Mail, nothing_written: None, figures: Counter[str], posted: str
) -> None:
    content_type, body = POSTED[posted]
    for link in mail.links.values():
        for ending in ENDINGS:
            for headers in AHEAD:
                sent = {"content-type": content_type, **headers}
                status = fetch("POST", link.partition("?")[0] + ending, sent, body)
                assert status in (400, 415)
                figures["requests"] += 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "CONNECT"])
def test_no_other_method_reaches_anything(
    mail: Mail, nothing_written: None, figures: Counter[str], method: str
) -> None:
    for link in mail.links.values():
        assert fetch(method, link, body=b'{"decision": "approved"}') == 404
        figures["requests"] += 1


def test_a_decision_would_have_been_noticed(
    furnished: Furnished, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = watch(furnished, monkeypatch)
    assert fetch("POST", mail.links["approve"]) == 200
    assert noted == ["UpdateItem", "SendMessage"]
    assert furnished.changes()
    furnished.put_back()
