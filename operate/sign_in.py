"""`make inbox`: a link with which whoever signs with IAM gets into the inbox, for a minute.

It is for the person of `people.toml` whose `iam` is who calls. Whoever has the link is that person
for eight hours, so it is shown once and kept nowhere. OPEN=1 opens it in this system's browser and
does not show it. On the stack that `make run` runs, who calls is `root`.
"""

import os
import sys
import webbrowser

from operate.clicks import NoAnswerError
from operate.errors import OperateError
from operate.operator_api import OperatorApi, RefusedError
from operate.stacks import Stack

DONE, REFUSED = 0, 1
"""Exit statuses; 2 is that of every command that could not do its work."""


def main(stack: Stack) -> int:
    """Asks for the link, and shows or opens it; returns the exit status.

    Raises:
        OperateError: It could not be asked for, or there is no browser to open it.
    """
    try:
        url = str(OperatorApi.of(stack).post("inbox-link")["url"])
    except RefusedError as error:
        print(f"{error}\nSet iam of that person: docs/people.md, The inbox.", file=sys.stderr)
        return REFUSED
    except NoAnswerError as error:
        raise OperateError(str(error)) from error
    if os.environ.get("OPEN") != "1":
        print(url)
    elif not webbrowser.open(url):
        raise OperateError("There is no browser to open it with. Leave out OPEN=1.")
    return DONE
