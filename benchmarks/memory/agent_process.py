"""AgentFunction in a process of its own: its handler, its clients, and nothing of the benchmark's.

    python -P benchmarks/memory/agent_process.py

Reads an event a line from standard input, and writes a line of JSON for each to standard output:
`{"answer": the handler's, "cpu_seconds": of this event}`. The first line comes before any event:
`answer` is null, and `cpu_seconds` what the start took.
"""

import contextlib
import json
import os
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Any

CONNECTED_TO = 7
"""DynamoDB, SQS, SNS, S3, Secrets Manager, Bedrock, and the receiver of posts."""


class Context:
    """Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns what is left of the function's time."""
        return 110_000


def main() -> None:
    """Starts as Lambda does: the runtime's client first, then the handler's module."""
    import awslambdaric.bootstrap  # noqa: F401 - it is in the memory that Lambda counts

    import agent_handler

    report = sys.stdout
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),  # The function's metrics.
    ):
        cpu = 0.0

        def tell(answer: Any) -> float:
            now = time.process_time()
            report.write(json.dumps({"answer": answer, "cpu_seconds": now - cpu}) + "\n")
            report.flush()
            return time.process_time()

        trusted = list(_trusted())
        cpu = tell(None)
        for line in sys.stdin:
            cpu = tell(agent_handler.handler(json.loads(line), Context()))
        del trusted


def _trusted() -> Iterator[ssl.SSLContext]:
    """What each connection on AWS holds, and none here: the authorities that TLS trusts."""
    from botocore.httpsession import get_cert_path

    for _ in range(CONNECTED_TO):
        yield ssl.create_default_context(cafile=get_cert_path(True))


if __name__ == "__main__":
    main()
