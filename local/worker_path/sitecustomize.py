"""Names under `.localhost` are this machine (RFC 6761, 6.3), for the functions' workers.

An API of the emulator is `http://<id>.execute-api.localhost:<port>`, as one of AWS is
`https://<id>.execute-api.<region>.amazonaws.com`: the name is part of what IAM signs. Not every C
library resolves such names, so Python does. Python imports this module by its name when it starts.

A fault that a function logs has its last three frames, which are mostly a package's. Here it has
the file and the line of all: `local.places` finds the adopter's among them.
"""

import logging
import socket
import sys
import traceback
from typing import Any

_resolve = socket.getaddrinfo


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.lower().rstrip(".").endswith(".localhost"):
        host = "127.0.0.1"
    return _resolve(host, *args, **kwargs)


socket.getaddrinfo = _getaddrinfo


_make_record = logging.getLogRecordFactory()


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _make_record(*args, **kwargs)
    fault = sys.exc_info()[1]
    if fault and (record.levelno or 0) >= logging.ERROR:  # makeLogRecord gives none.
        record.frames = _frames(fault)
    return record


def _frames(fault: BaseException) -> list[tuple[str, int]]:
    """Returns the frames of a fault, and then those of what it was raised from."""
    faults = [fault]
    while (cause := faults[-1].__cause__) and cause not in faults:
        faults.append(cause)
    return [
        (frame.f_code.co_filename, line)
        for each in faults
        for frame, line in traceback.walk_tb(each.__traceback__)
    ]


logging.setLogRecordFactory(_record)
