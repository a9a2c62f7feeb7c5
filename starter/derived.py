"""The files that a starter has in a form of its own, made of the repository's."""

import posixpath
import re
from collections.abc import Collection

ONLY_HERE = (*("proofs", "unit", "prove", "bench", "strands", "lab", "starter", "test-sam-local"),)
"""Commands of the Makefile that a starter has not."""

_ONLY_FOR_THOSE = (
    r"^BENCH +:= (.*\\\n)*.*\n",
    r"^# In the order of their names.*\nAT_ONCE := .*\n",
    r"^VERSION := newest\n",
    r"^\.venv/lab/.*:.*\n(?:[\t ].*\n)+\n",
)


class NotAsExpectedError(Exception):
    """A file of the repository has changed so that its form for a starter cannot be made."""


def makefile(text: str, rules: str) -> str:
    """Returns the starter's Makefile.

    Args:
        text: The repository's.
        rules: Those of the starter: `test` and `lint` of its own, and `upgrade`.
    """
    for pattern in (*map(_rule, ONLY_HERE), _rule("test"), *_ONLY_FOR_THOSE):
        text = _replaced(text, pattern, "")
    text = _replaced(text, _rule("lint"), rules.replace("\\", r"\\") + "\n")
    text = _with_phony(text)
    text = _replaced(text, r"(?<=^OPERATE := )PYTHONPATH=\S+ ", "")
    text = _replaced(text, r"^(SETS +:=) .*", r"\1 uv test sam local src/layer src/agent")
    # The wheel in it is named as seen from there, where `sam build` installs it.
    return _replaced(
        text,
        r"(src/layer\) \$\(PACKAGED\)) \$\$set/requirements.in -o \$\$set/requirements.txt",
        r"\1 --directory $$set requirements.in -o requirements.txt",
    )


def pins(text: str) -> str:
    """Returns a requirements file in uv's order, so that `make requirements` changes nothing."""

    def name(entry: str) -> str:
        package = posixpath.basename(entry.split()[0])
        return re.split(r"==|-\d", package, maxsplit=1)[0].replace("_", "-")

    return "".join(sorted(re.findall(r"^\S.*\n(?:\s.*\n)*", text, re.MULTILINE), key=name))


def document(text: str, name: str, names: Collection[str]) -> str:
    """Returns a Markdown file without the links to files that a starter has not; their words stay.

    Args:
        text: The file.
        name: Its name in the starter.
        names: Of all files in the starter.
    """
    folders = {posixpath.dirname(known) for known in names}

    def kept(link: re.Match[str]) -> str:
        target = link[2].partition("#")[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        is_there = not target or "://" in target or path in names or path in folders
        return link[0] if is_there else link[1]

    return re.sub(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)", kept, text)


def _with_phony(text: str) -> str:
    """Names the commands that there are now."""
    names = " ".join(re.findall(r"^([a-z-]+): .*## ", text, re.MULTILINE))
    return _replaced(text, r"^\.PHONY: help (.*\\\n)*.*\n", f".PHONY: {names}\n")


def _rule(name: str) -> str:
    return rf"^{name}: .*\n(?:[\t ].*\n)+\n"


def _replaced(text: str, pattern: str, by: str) -> str:
    text, count = re.subn(pattern, lambda found: found.expand(by), text, flags=re.MULTILINE)
    if count != 1:
        raise NotAsExpectedError(f"{count} places, and not 1, are like {pattern}")
    return text
