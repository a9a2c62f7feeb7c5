"""The address of a page: which part of a list it shows, and whether it reloads by itself."""

from dataclasses import dataclass, replace
from html import escape
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode

ROWS = 20
"""Of a list, on one page."""
RELOAD_SECONDS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """An address of the front door's own.

    Attributes:
        path: Such as `/local/mail`.
        page: Which part of the list, from 1.
        item: The number of the one that the page shall show, wherever it stands; 0: none.
        reloads: Whether the page reloads by itself.
    """

    path: str
    page: int = 1
    item: int = 0
    reloads: bool = False

    def at(self, **changes: Any) -> str:
        """Returns the address, with changes."""
        changed = replace(self, **changes)
        query = {"page": changed.page} if changed.page > 1 else {}
        query |= {"reload": 1} if changed.reloads else {}
        return changed.path + (f"?{urlencode(query)}" if query else "")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What has a browser load the page again, without a script."""
        return [("Refresh", f"{RELOAD_SECONDS}; url={self.at()}")] if self.reloads else []


def address_of(path: str, query: str) -> Address:
    """Reads the address of a request; what is no number is as if it were not there."""
    fields = parse_qs(query)
    page, item = (_number(fields.get(name, [""])[0]) for name in ("page", "item"))
    return Address(path, page or 1, item, "reload" in fields)


def part_of(rows: list[T], address: Address) -> tuple[list[T], str]:
    """Returns the rows of a page, and the way to the others as HTML; past the end: the last."""
    pages = max(1, -(-len(rows) // ROWS))
    number = min(address.page, pages)
    start = (number - 1) * ROWS
    ways = [
        f'<a href="{escape(address.at(page=page))}">{label}</a>'
        for label, page in (("Newer", number - 1), ("Older", number + 1))
        if 0 < page <= pages
    ]
    shown = rows[start : start + ROWS]
    if not ways:
        return shown, ""
    text = f"{start + 1} to {start + len(shown)} of {len(rows)}"
    return shown, f'<nav aria-label="Pages"><p>{text} {" ".join(ways)}</p></nav>\n'


def _number(text: str) -> int:
    """Returns a small whole number, or 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
