"""Valid JSON documents with something done to them, as text: once at each place, or at random."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WRITTEN_OUT = {
    '"@300 KB"': '"' + "x" * 300_000 + '"',
    '"@100,000 deep"': "[" * 100_000 + "]" * 100_000,
    '"@NaN"': "NaN",
    '"@1e999"': "1e999",
    '"@5,000 digits"': "9" * 5_000,
}
"""What json.dumps would not write, by what stands for it."""

LARGE = [placeholder.strip('"') for placeholder in WRITTEN_OUT]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    " ",
    "\0",
    "\ud800",
    "\u202e",
    "x",
    [],
    {},
    [[]],
    *LARGE,
]

TEXTS = st.text(max_size=40) | st.sampled_from(["", " ", "approved", "denied", "\ud800", "\0"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 2**63, 10**400, 1e308])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)

Path = tuple[Any, ...]


def each_place_changed(document: Any) -> Iterator[str]:
    """Everything odd at every single place; each place removed, wrapped, lengthened."""
    for path in places({"": document}):
        part = part_at({"": document}, path)
        odd = [*ODD, [part]]
        if isinstance(part, str):
            odd += [f"{part}\n", f" {part}", f"{part}/..", part.upper(), part * 100]
        yield from (written(changed(document, path, value)) for value in odd)
        if len(path) > 1:
            yield written(changed(document, path, None, remove=True))


@st.composite
def broken(draw: st.DrawFn, documents: list[Any]) -> str:
    """A valid document with one to three things done to it, then perhaps to its text."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places({"": document}))))
        part = part_at({"": document}, path)
        match draw(st.sampled_from(["value", "odd", "remove", "add", "wrap"])):
            case "value":
                document = changed(document, path, draw(VALUES))
            case "odd":
                document = changed(document, path, draw(st.sampled_from(ODD)))
            case "remove" if len(path) > 1:
                document = changed(document, path, None, remove=True)
            case "add" if isinstance(part, dict):
                document = changed(document, path, {**part, draw(TEXTS): draw(VALUES)})
            case _:
                document = changed(document, path, [part])
    text = written(document, draw(st.booleans()))
    return draw(st.sampled_from([text, text, rough(draw, text)]))


def rough(draw: st.DrawFn, text: str) -> str:
    """Does something to the text itself."""
    cut = draw(st.integers(0, len(text)))
    match draw(st.sampled_from(["cut", "insert", "twice", "mark", "quotes", "repeat"])):
        case "cut":
            return text[:cut]
        case "insert":
            return text[:cut] + draw(st.text(min_size=1, max_size=3)) + text[cut:]
        case "twice":
            return text.replace("{", '{"type": "new", "decision": "denied", "type": "new", ', 1)
        case "mark":
            return "\ufeff" + text
        case "quotes":
            return text.replace('"', "'")
    return text + text


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a document but its root, by the keys that lead to it."""
    parts: Any = ()
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def part_at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def changed(document: Any, path: Path, value: Any, remove: bool = False) -> Any:
    """The document with one place changed; the path `("",)` is the document itself."""
    root = {"": copy.deepcopy(document)}
    holder = part_at(root, path[:-1])
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return root[""]


def written(document: Any, in_ascii: bool = True) -> str:
    """JSON, with placeholders written out; half a surrogate stays escaped."""
    text = json.dumps(document, ensure_ascii=in_ascii)
    if not is_unicode(text):
        text = json.dumps(document)
    for placeholder, meant in WRITTEN_OUT.items():
        text = text.replace(placeholder, meant)
    return text


def is_unicode(text: str) -> bool:
    return text.encode(errors="replace").decode() == text
