"""The alarms and the dashboard: what they watch exists, and each alarm is explained."""

import json
import re
from typing import Any

import pytest

import aws_template
from aws_template import of_type, properties

ROOT = aws_template.ROOT
RESOURCES = aws_template.resources()
ALARMS = of_type("AWS::CloudWatch::Alarm")
FUNCTIONS = of_type("AWS::Serverless::Function")
OPERATE = (ROOT / "docs/operate.md").read_text()
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
OWN = "AWS::StackName"
NAMES_OF_AWS = {
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
        "QueueName",
    ),
    "AWS/SNS": ({"NumberOfNotificationsDelivered", "NumberOfNotificationsFailed"}, "TopicName"),
    "AWS/Lambda": (
        {"Errors", "Throttles", "Invocations", "RecursiveInvocationsDropped"},
        "FunctionName",
    ),
    "AWS/ApiGateway": ({"5xx"}, "ApiId"),
}
"""Metrics and their dimension. Source: the CloudWatch pages of SQS, SNS, Lambda, API Gateway."""

SUBSCRIPTIONS = {
    "SubscriptionAlarm": "ConfirmedSubscriptions",
    "EscalationSubscriptionAlarm": "ConfirmedEscalationSubscriptions",
}
"""What counts the confirmed subscriptions of each topic by which people are asked."""


def watched(alarm: str) -> tuple[str, str, str | None]:
    """Namespace, metric and logical id of what an alarm watches."""
    given = properties(alarm)
    [dimension] = given.get("Dimensions", [{"Value": ""}])
    return given["Namespace"], given["MetricName"], dimension["Value"].partition(".")[0] or None


def alarms_on(namespace: str, metric: str) -> set[str | None]:
    return {watched(name)[2] for name in ALARMS if watched(name)[:2] == (namespace, metric)}


def dashboard() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(properties("Dashboard")["DashboardBody"])
    return body


def shown() -> list[list[Any]]:
    """The metrics of the dashboard: namespace, name, and perhaps a dimension."""
    rows = [row for w in dashboard()["widgets"] for row in w["properties"]["metrics"]]
    return [[part for part in row if isinstance(part, str)] for row in rows]


# --- alarms --------------------------------------------------------------------------------------


def test_every_alarm_has_a_line_in_the_guide_and_every_line_an_alarm() -> None:
    table = OPERATE.partition("| Alarm |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:4] for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(ALARMS)
    assert all(len(meaning.split()) > 4 and len(todo.split()) > 4 for _, meaning, todo in rows)


def test_the_guide_counts_and_prices_them() -> None:
    """Source: CloudWatch's price list, us-east-1: $0.10 a month for each standard alarm."""
    sometimes = {name: RESOURCES[name].get("Condition") for name in ALARMS}
    always = [name for name in ALARMS if sometimes[name] in (None, "UseUniTok")]
    assert f"| {len(always)} alarms | {len(always) * 0.1:.2f} |" in OPERATE
    rest = sorted(str(sometimes[name]) for name in ALARMS if name not in always)
    assert rest == [
        *["UseCloseWatch"] * 4,
        *("UseCloseWatchOfUniTok", "UseEscalation", "UseEscalation", "UseMailFrom"),
    ], "as the text below says"
    assert "has two more alarms" in OPERATE and "there is one more alarm" in OPERATE
    assert "`WatchClosely` adds five alarms ($0.50 a month)" in OPERATE


@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_goes_to_the_topic_and_says_what_happened(alarm: str) -> None:
    given = properties(alarm)
    assert given["AlarmActions"] == ["AlarmTopic"]
    assert len(given["AlarmDescription"].split()) > 3
    assert given["Period"] % 60 == 0


@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_watches_a_metric_that_exists(alarm: str) -> None:
    namespace, metric, resource = watched(alarm)
    if namespace == OWN:
        assert f'"{metric}"' in SOURCE
        assert resource is None
    else:
        metrics, dimension = NAMES_OF_AWS[namespace]
        assert metric in metrics
        assert properties(alarm)["Dimensions"][0]["Name"] == dimension
        conditions = {name: RESOURCES[name].get("Condition") for name in (alarm, str(resource))}
        if metric == "Throttles":
            more = {None: "UseCloseWatch", "UseUniTok": "UseCloseWatchOfUniTok"}
            assert conditions[alarm] == more[conditions[str(resource)]]
        else:
            assert conditions[alarm] == conditions[str(resource)]


@pytest.mark.parametrize("alarm", ALARMS)
def test_silence_is_good_news_but_of_the_sweeper(alarm: str) -> None:
    """One alarm tells that the sweeper is silent; those that it feeds need not."""
    is_heartbeat = alarm == "SweeperSilentAlarm"
    expected = "missing" if is_heartbeat else "notBreaching"
    assert properties(alarm)["TreatMissingData"] == expected
    told = ["AlarmTopic"] if is_heartbeat else None
    assert properties(alarm).get("InsufficientDataActions") == told


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_errors_and_throttles_of_every_function_are_watched(metric: str) -> None:
    assert alarms_on("AWS/Lambda", metric) == set(FUNCTIONS)


def test_every_queue_and_every_topic_that_people_wait_for_is_watched() -> None:
    assert alarms_on("AWS/SQS", "ApproximateNumberOfMessagesVisible") == {"DeadLetterQueue"}
    assert alarms_on("AWS/SQS", "ApproximateAgeOfOldestMessage") == {"TaskQueue"}
    topics = set(of_type("AWS::SNS::Topic")) - {"AlarmTopic"}
    assert alarms_on("AWS/SNS", "NumberOfNotificationsFailed") == topics


def test_one_dead_letter_one_subscriber_too_few_and_one_dropped_message_are_enough() -> None:
    for metric in ("ApproximateNumberOfMessagesVisible", "RecursiveInvocationsDropped"):
        [given] = [properties(name) for name in ALARMS if watched(name)[1] == metric]
        assert (given["Threshold"], given["ComparisonOperator"]) == (
            1,
            "GreaterThanOrEqualToThreshold",
        )
    for alarm, metric in SUBSCRIPTIONS.items():
        given = properties(alarm)
        assert given["MetricName"] == metric
        assert (given["Threshold"], given["ComparisonOperator"]) == (1, "LessThanThreshold")
        assert given["Statistic"] == "Minimum"


def test_whoever_is_asked_it_is_watched_that_somebody_is_there() -> None:
    topics = set(of_type("AWS::SNS::Topic")) - {"AlarmTopic"}
    assert len(SUBSCRIPTIONS) == len(topics)
    escalation = RESOURCES["EscalationSubscriptionAlarm"]
    assert escalation["Condition"] == RESOURCES["EscalationTopic"]["Condition"]
    assert "Condition" not in RESOURCES["SubscriptionAlarm"]


def test_overdue_is_measured_slower_than_the_slowest_sweep() -> None:
    slowest = max(
        int(m) for m in aws_template.load()["Parameters"]["SweepMinutes"]["AllowedValues"]
    )
    assert properties("OverdueAlarm")["Threshold"] > slowest * 60
    for alarm in (*SUBSCRIPTIONS, "SweepFailedAlarm", "SweeperSilentAlarm"):
        assert properties(alarm)["Period"] >= slowest * 60


# --- dashboard -----------------------------------------------------------------------------------


def test_the_dashboard_shows_metrics_that_exist() -> None:
    for namespace, metric, *rest in shown():
        if namespace == "${AWS::StackName}":
            assert f'"{metric}"' in SOURCE
            assert rest == []
        else:
            metrics, dimension = NAMES_OF_AWS[namespace]
            assert (metric in metrics, rest[0]) == (True, dimension)
            assert rest[1].strip("${}").partition(".")[0] in RESOURCES


def test_the_dashboard_shows_the_funnel_the_time_to_decision_and_what_is_open() -> None:
    own = {metric for namespace, metric, *_ in shown() if namespace == "${AWS::StackName}"}
    funnel = {"Requested", "Approved", "Denied", "Expired", "Cancelled"}
    assert own > {f"Approval{step}" for step in funnel}
    assert own > {"TimeToDecision", "OpenApprovals", "OldestOpenSeconds"}


def test_widgets_do_not_lie_on_one_another_and_know_their_region() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard()["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        cells = {(column, row) for column in columns for row in rows}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells
        assert widget["properties"]["region"] == "${AWS::Region}"
