"""One person's inbox with so many approvals open: the first page, and a search."""

import html
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlencode

import approval_handler
import approval_services
import inbox_access
import inbox_services
from benchmarks.cycle.engine import LINK_KEYS, Engine
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.our_project import Context, our_project
from benchmarks.growth import waits
from benchmarks.growth.counted import Counted
from benchmarks.report import Effort, Spread
from core_samples import asked
from longrunning.people import passes
from longrunning.people.directory import Person
from longrunning.people.links import LinkKeys
from longrunning.waits.item import Wait

ANN = Person("ann", "Ann", "ann@example.com")
HOST = "abcdefghij.execute-api.us-east-1.amazonaws.com"
RARE = "wheelbarrow"
"""A word that no approval has: whoever looks for it looks through all."""

_NEXT = re.compile(r'href="inbox\?([^"]*next=[^"]+)"')
_ROW = 'class="case"'

PAGES: dict[str, tuple[dict[str, str], bool]] = {
    "the first page": ({}, False),
    "a search, its first page": ({"q": RARE}, False),
    "a search, to its end": ({"q": RARE}, True),
}
"""What is asked for, and whether one goes on from page to page."""


@dataclass(frozen=True)
class Page:
    """What a page took, or all pages of a search together."""

    open: int
    name: str
    to_the_end: bool
    counted: Counted
    pages: int
    kilobytes: float
    """Of the pages themselves."""
    rows: int
    ms: Spread
    """Wall time, with the emulator's."""
    cpu_ms: Spread


def measure(engine: Engine, meter: Meter, counts: tuple[int, ...], effort: Effort) -> list[Page]:
    """Fills the table up to each count in turn, and opens both pages."""
    there, pages = 0, []
    with our_project(engine, meter), _people():
        for count in counts:
            more = _open(range(there, count), int(time.time()))
            waits.put_all(engine.dynamodb, engine.tables["ApprovalsTable"], more)
            there = count
            _answer("")  # What happens once.
            pages += [_page(meter, count, name, effort) for name in PAGES]
    return pages


def _page(meter: Meter, count: int, name: str, effort: Effort) -> Page:
    counted, seconds = [], []
    for _ in range(effort.runs):
        meter.start_over()
        with meter.measured():
            started = time.monotonic()
            bodies = list(_bodies(*PAGES[name]))
            seconds.append(time.monotonic() - started)
        counted.append(Counted.of(meter))
    return Page(
        count,
        name,
        PAGES[name][1],
        counted[-1],
        len(bodies),
        sum(len(body.encode()) for body in bodies) / 1_000,
        sum(body.count(_ROW) for body in bodies),
        Spread(tuple(1_000 * one for one in seconds)),
        Spread(tuple(one.cpu_ms for one in counted)),
    )


def _bodies(query: dict[str, str], to_the_end: bool) -> Iterator[str]:
    found = urlencode(query)
    while True:
        body = _answer(found)
        yield body
        further = _NEXT.search(body)
        if not (to_the_end and further):
            return
        found = html.unescape(further[1])


def _open(numbers: range, now: int) -> Iterator[Wait]:
    """Approvals that wait for Ann; each is due a second after the one before."""
    for number in numbers:
        yield asked(
            session_id=str(uuid.UUID(int=number + 10_000, version=4)),
            approvers=[ANN.id],
            requested_at=now,
            decide_by=now + waits.DAY_SECONDS + number,
            due_at=now + waits.DAY_SECONDS + number,
        )


@contextmanager
def _people() -> Iterator[None]:
    """Ann is all there is."""
    people = {ANN.id: ANN}
    approval_services.services.cache_clear()
    inbox_services.inbox_services.cache_clear()
    with (
        mock.patch.object(approval_services, "read_people", lambda: people),
        mock.patch.dict(os.environ, {"OIDC_ISSUER": "", "ESCALATION_TOPIC_ARN": ""}),
    ):
        yield


def _answer(query: str) -> str:
    """Opens a page as Ann; raises RuntimeError if it is none."""
    keys = LinkKeys.parse(json.dumps(LINK_KEYS))
    signed_in = passes.make_session(keys, ANN.id, int(time.time()) + passes.SESSION_SECONDS)
    answer = approval_handler.handler(
        {
            "version": "2.0",
            "routeKey": "ANY /inbox",
            "rawPath": "/inbox",
            "rawQueryString": query,
            "headers": {"accept": "text/html", "host": HOST},
            "cookies": [f"{inbox_access.SESSION}={signed_in}"],
            "requestContext": {
                "domainName": HOST,
                "http": {"method": "GET", "path": "/inbox", "sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": False,
        },
        Context(),
    )
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the inbox answered {answer['statusCode']}")
    return str(answer["body"])
