"""The layer's own modules: what it wrote is read with the code that wrote it.

They are not installed in this environment, so this is the one place that finds them. Only what
needs nothing but Python is here.
"""

import sys
from pathlib import Path

_FOLDER = str(Path(__file__).resolve().parent.parent / "src" / "layer" / "python")

if _FOLDER not in sys.path:
    sys.path.append(_FOLDER)

from longrunning import codec  # noqa: E402 - found above
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN  # noqa: E402
from longrunning.people import links  # noqa: E402
from longrunning.people.directory import read_people  # noqa: E402
from longrunning.sessions import inline_messages  # noqa: E402
from longrunning.text import has_deadline, visible  # noqa: E402
from longrunning.waits import item as wait_items  # noqa: E402
from longrunning.waits import outcomes  # noqa: E402
from longrunning.waits.item import Status, Wait, unpacked  # noqa: E402
from longrunning.waits.table import WaitTable  # noqa: E402

__all__ = [
    "SESSION_ID_PATTERN",
    "TOOL_USE_ID_PATTERN",
    "Status",
    "Wait",
    "WaitTable",
    "codec",
    "has_deadline",
    "inline_messages",
    "links",
    "outcomes",
    "read_people",
    "unpacked",
    "visible",
    "wait_items",
]
