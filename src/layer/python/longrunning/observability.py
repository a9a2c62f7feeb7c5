"""Structured logs and metrics with the standard library alone.

A log line is one JSON object; a metric is one line in CloudWatch's embedded metric format. Neither
ever holds a token, a path with a token, an e-mail body or conversation text: callers pass ids,
counts and reasons only.

Source: CloudWatch, "Embedded metric format specification".
"""

import json
import logging
import sys
import time
import traceback
from typing import Any

ROOT_LOGGER_NAME = "longrunning"
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_namespace = "HumanApproval"


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; what is passed as `extra` becomes its keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, for example `{"level": "INFO", "message": "paused", …}`."""
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _STANDARD_ATTRIBUTES}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str = "INFO", namespace: str = _namespace) -> None:
    """Sends this project's logs to standard output as JSON. Repeating it changes nothing more.

    Args:
        level: The lowest level that is written, such as `INFO`.
        namespace: The CloudWatch namespace of the metrics; the stack's name, so that two stacks
            in one account do not mix.
    """
    global _namespace
    _namespace = namespace
    root = logging.getLogger(ROOT_LOGGER_NAME)
    root.setLevel(level)
    root.propagate = False
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root.handlers = [handler]


def get_logger(name: str) -> logging.Logger:
    """Returns the logger `longrunning.<name>`."""
    return logging.getLogger(f"{ROOT_LOGGER_NAME}.{name}")


def facts_of(fault: BaseException) -> dict[str, Any]:
    """Returns what may be logged of a fault: what failed first, AWS's code, and where.

    Not its text: that may quote what was sent, a conversation, a draft or a comment.
    """
    cause = _first_cause(fault)
    response = getattr(cause, "response", None)  # botocore's; other libraries' is anything
    error = response.get("Error") if isinstance(response, dict) else None
    return {
        "error": type(fault).__name__,
        "cause": type(cause).__name__,
        "code": error.get("Code") if isinstance(error, dict) else None,
        "where": [frame.strip() for frame in traceback.format_tb(fault.__traceback__)[-3:]],
    }


def put_metric(name: str, value: float = 1, unit: str = "Count", **properties: str) -> None:
    """Writes one metric to standard output.

    Args:
        name: The metric's name, such as `ApprovalRequested`.
        value: Its value.
        unit: A CloudWatch unit: `Count`, `Seconds`, …
        **properties: Searchable fields of the line that are no dimensions (a dimension per
            session would cost a custom metric each).
    """
    metadata = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": _namespace,
                "Dimensions": [[]],
                "Metrics": [{"Name": name, "Unit": unit}],
            }
        ],
    }
    sys.stdout.write(json.dumps({"_aws": metadata, name: value, **properties}) + "\n")


def _first_cause(fault: BaseException) -> BaseException:
    """Strands wraps a model's error once the conversation has turns."""
    seen: list[BaseException] = []
    while fault not in seen:
        seen.append(fault)
        fault = fault.__cause__ or getattr(fault, "original_exception", None) or fault
    return fault
