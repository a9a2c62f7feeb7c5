"""Whether a package is for the Python and the processor that it runs on.

`targets/package.py` leaves `built_for.json` in the package of every function:

    {"python": "3.13", "machine": "aarch64"}

On any other, a package with binaries ends at the import of the first of them, with an error that
names neither. So the handler asks here before it imports one.
"""

import json
import platform
import sys
from pathlib import Path

FILE_NAME = "built_for.json"

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_MACHINE = platform.machine()
_ARCHITECTURES = {"aarch64": "arm64"}
"""Lambda's word, which the template uses. For x86_64 it is the machine's own."""


class WrongPackageError(ImportError):
    """The package is for another Python or processor than the one it runs on.

    Lambda's runtime says an ImportError in one line, without a traceback.
    """


def wrong_package(
    handler_file: str, python: str = _PYTHON, machine: str = _MACHINE
) -> WrongPackageError | None:
    """Returns the error to raise when a package is for something else, or None.

    Args:
        handler_file: The handler's `__file__`; beside it lies what the package was built for.
            Where nothing lies there, as in a test, there is nothing to compare.
        python: What it runs on, such as "3.13".
        machine: What it runs on, as `uname -m` says it.
    """
    try:
        built = json.loads(Path(handler_file).with_name(FILE_NAME).read_text())
    except FileNotFoundError:
        return None
    if (built["python"], built["machine"]) == (python, machine):
        return None
    return WrongPackageError(
        f"This package was built for {_named(built['python'], built['machine'])}, but the function "
        f"runs on {_named(python, machine)}: set RunsOn in template.yaml to what the function is "
        "to run on, run `sam build`, and deploy again."
    )


def _named(python: str, machine: str) -> str:
    return f"Python {python} on {_ARCHITECTURES.get(machine, machine)}"
