"""Log lines and metrics: one JSON document a line, readable by people and by CloudWatch."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from longrunning import observability
from longrunning.observability import JsonFormatter, configure, get_logger, put_metric

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves the project's loggers and the namespace as they were."""
    root = logging.getLogger(observability.ROOT_LOGGER_NAME)
    before = root.handlers, root.level, root.propagate
    monkeypatch.setattr(observability, "_namespace", "HumanApproval")
    yield
    root.handlers, root.propagate = before[0], before[2]
    root.setLevel(before[1])


def the_line(output: Output) -> dict[str, Any]:
    (line,) = output.readouterr().out.splitlines()
    document: dict[str, Any] = json.loads(line)
    return document


# --- logs ----------------------------------------------------------------------------------------


def test_a_log_line_is_one_json_object(capsys: Output) -> None:
    configure()
    before = time.time()
    get_logger("worker").info("stale message")
    line = the_line(capsys)
    assert list(line) == ["timestamp", "level", "logger", "message"]
    assert line["level"] == "INFO"
    assert line["logger"] == "longrunning.worker"
    assert line["message"] == "stale message"
    written = datetime.fromisoformat(line["timestamp"])
    assert line["timestamp"].endswith("Z")
    assert before - 0.001 <= written.timestamp() <= time.time()


def test_a_timestamp_is_utc_to_the_millisecond() -> None:
    record = logging.makeLogRecord({"created": 1_773_482_400.042, "msecs": 42.9})
    assert json.loads(JsonFormatter().format(record))["timestamp"] == "2026-03-14T10:00:00.042Z"


def test_extras_become_keys(capsys: Output) -> None:
    configure()
    get_logger("agent").warning("rejected", extra={"message_id": "m-1", "where": ["a", "b"]})
    line = the_line(capsys)
    assert (line["message_id"], line["where"]) == ("m-1", ["a", "b"])
    assert line.keys() == {"timestamp", "level", "logger", "message", "message_id", "where"}


def test_arguments_are_put_into_the_message(capsys: Output) -> None:
    configure()
    get_logger("agent").info("%d of %d", 1, 2)
    assert the_line(capsys)["message"] == "1 of 2"


def test_whatever_is_said_stays_one_line(capsys: Output) -> None:
    configure()
    get_logger("agent").info('a "quoted"\nline \u2028 🦄', extra={"x": "y\r\nz"})
    line = the_line(capsys)
    assert (line["message"], line["x"]) == ('a "quoted"\nline \u2028 🦄', "y\r\nz")


def test_what_json_does_not_know_is_written_as_text(capsys: Output) -> None:
    configure()
    get_logger("agent").info("sizes", extra={"size": Decimal("1.5"), "path": {1}})
    line = the_line(capsys)
    assert (line["size"], line["path"]) == ("1.5", "{1}")


def test_an_exception_is_told_with_its_traceback(capsys: Output) -> None:
    configure()
    try:
        raise KeyError("missing")
    except KeyError:
        get_logger("agent").exception("failed")
    line = the_line(capsys)
    assert line["level"] == "ERROR"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("KeyError: 'missing'")


def test_below_the_level_nothing_is_written(capsys: Output) -> None:
    configure("WARNING")
    get_logger("agent").info("not this")
    get_logger("agent").warning("but this")
    assert the_line(capsys)["message"] == "but this"


def test_configuring_twice_does_not_write_twice(capsys: Output) -> None:
    configure()
    configure()
    get_logger("agent").info("once")
    assert the_line(capsys)["message"] == "once"


def test_a_line_is_not_written_again_by_lambdas_own_handler(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda's runtime puts a handler on the root logger before any of our code runs."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(sys.stdout)])
    configure()
    get_logger("agent").error("once")
    assert the_line(capsys)["message"] == "once"


# --- metrics -------------------------------------------------------------------------------------

UNITS = {"Seconds", "Milliseconds", "Bytes", "Count", "Count/Second", "Percent", "None"}


def check_embedded_metrics(document: dict[str, Any]) -> None:
    """Checks a document against the rules of the embedded metric format.

    Source: CloudWatch, "Specification: Embedded metric format".
    """
    metadata = document["_aws"]
    assert metadata.keys() == {"Timestamp", "CloudWatchMetrics"}
    assert type(metadata["Timestamp"]) is int
    assert abs(metadata["Timestamp"] - time.time() * 1_000) < 60_000, "milliseconds since the epoch"
    for directive in metadata["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 1_024
        assert directive["Dimensions"], "at least one set, if an empty one"
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            assert all(isinstance(document[name], str) for name in dimensions)
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric.keys() <= {"Name", "Unit", "StorageResolution"}
            assert 1 <= len(metric["Name"]) <= 1_024
            assert metric.get("Unit", "None") in UNITS
            value = document[metric["Name"]]
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)


def test_a_metric_is_one_embedded_metric_document(capsys: Output) -> None:
    put_metric("MessageRejected")
    document = the_line(capsys)
    check_embedded_metrics(document)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": "MessageRejected", "Unit": "Count"}]
    assert document["MessageRejected"] == 1


def test_a_metric_has_a_value_and_a_unit(capsys: Output) -> None:
    put_metric("TimeToDecision", 93.5, "Seconds")
    document = the_line(capsys)
    check_embedded_metrics(document)
    assert document["TimeToDecision"] == 93.5
    assert document["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] == "Seconds"


def test_a_property_can_be_searched_and_is_no_dimension(capsys: Output) -> None:
    """A dimension per session would cost a custom metric each."""
    put_metric("ApprovalRequested", session_id="s-1")
    document = the_line(capsys)
    check_embedded_metrics(document)
    assert document["session_id"] == "s-1"
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]


def test_metrics_stand_in_the_stacks_own_namespace(capsys: Output) -> None:
    put_metric("RunFailed")
    configure(namespace="my-stack")
    put_metric("RunFailed")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    spaces = [line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines]
    assert spaces == ["HumanApproval", "my-stack"]


def test_a_metric_does_not_depend_on_the_log_level(capsys: Output) -> None:
    configure("CRITICAL")
    put_metric("RunFailed")
    check_embedded_metrics(the_line(capsys))
