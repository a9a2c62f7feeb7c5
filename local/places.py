"""Where code lies in the project: people know src/, and not the folders of a function.

Bytecode has the names that Lambda would have; a worker that a reload has started, its own folder's.
No two functions have a module of the same name.
"""

import json
import re
from pathlib import Path

_PACKAGE = r"(?:/var/task|/opt|[^\s\"']*/ministack-lambda-[^\s\"'/]*/(?:code|layer_\d+))"
_FILE = re.compile(rf"{_PACKAGE}/([^\s\"']+\.(?:py|json))")


def source_of(path: str, root: Path) -> str:
    """Returns the file of src/ that is a file of a function or a layer; "" where it is a package's.

    Args:
        path: Where the function has it, such as `/var/task/send_reply.py`.
        root: The project's folder.
    """
    found = _FILE.fullmatch(path)
    paths = [folder / found[1] for folder in _folders(root)] if found else []
    return next((str(path.relative_to(root)) for path in paths if path.is_file()), "")


def with_sources(text: str, root: Path) -> str:
    """Returns a text with each file of a function as the file of src/ that it is."""
    return _FILE.sub(lambda found: source_of(found[0], root) or found[0], text)


def with_place(line: str, root: Path) -> str:
    """Returns a line of a log with `at`, the innermost line of src/, in the place of its frames."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or "frames" not in record:
        return line
    frames = record.pop("frames")
    places = (f"{source}, line {number}" for path, number in reversed(frames)
              if (source := source_of(path, root)))  # fmt: skip
    at = next(places, "")
    return json.dumps({**record, "at": at} if at else record)


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in (root / "src").glob("*") if folder.is_dir())
