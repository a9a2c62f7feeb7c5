"""Names under `.localhost` are this machine (RFC 6761, 6.3), for the functions' workers.

An API of the emulator is `http://<id>.execute-api.localhost:<port>`, as one of AWS is
`https://<id>.execute-api.<region>.amazonaws.com`: the name is part of what IAM signs. Not every C
library resolves such names, so Python does. Python imports this module by its name when it starts.
"""

import socket
from typing import Any

_resolve = socket.getaddrinfo


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.lower().rstrip(".").endswith(".localhost"):
        host = "127.0.0.1"
    return _resolve(host, *args, **kwargs)


socket.getaddrinfo = _getaddrinfo
