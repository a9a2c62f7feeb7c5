"""The job: what is asked of Step Functions, and what its answers mean. The client is recorded."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from longrunning.agent.long_running import LongTool, Result
from longrunning.waits.item import Wait
from run_job import make_run_job

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:stack-picture"
WAIT = Wait("s-1", "job-1", "post-generator", "run_job", 0, 0)
EXECUTION = f"arn:aws:states:eu-west-1:123456789012:execution:stack-picture:{WAIT.name}"
GIVEN = {"job": "picture", "given": {"unicorn_color": "pink"}}


class ExecutionAlreadyExistsError(Exception):
    """As boto3 names it."""


class ExecutionDoesNotExistError(Exception):
    """As boto3 names it."""


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeExecution")


@dataclass
class States:
    """Notes the calls; answers, or raises."""

    answer: dict[str, Any] | Exception = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    class exceptions:
        ExecutionAlreadyExists = ExecutionAlreadyExistsError
        ExecutionDoesNotExist = ExecutionDoesNotExistError

    def _call(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, given))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def start_execution(self, **given: Any) -> dict[str, Any]:
        return self._call("start", given)

    def describe_execution(self, **given: Any) -> dict[str, Any]:
        return self._call("describe", given)

    def stop_execution(self, **given: Any) -> dict[str, Any]:
        return self._call("stop", given)


def made(answer: dict[str, Any] | Exception | None = None) -> tuple[LongTool, States]:
    states = States(answer or {})
    return make_run_job(lambda: states, {"picture": MACHINE, "film": f"{MACHINE}-film"}), states


def test_an_execution_is_named_after_the_wait() -> None:
    tool, states = made()
    tool.begin(WAIT, GIVEN)
    ((name, asked),) = states.calls
    assert (name, asked["stateMachineArn"], asked["name"]) == ("start", MACHINE, WAIT.name)
    assert json.loads(asked["input"]) == {
        "wait": {"session_id": "s-1", "tool_use_id": "job-1"},
        "given": {"unicorn_color": "pink"},
    }


def test_one_that_exists_was_started_by_an_earlier_attempt() -> None:
    tool, states = made(ExecutionAlreadyExistsError())
    tool.begin(WAIT, GIVEN)
    assert len(states.calls) == 1


def test_the_model_is_told_which_jobs_there_are() -> None:
    tool, _ = made()
    assert tool.spec["inputSchema"]["json"]["properties"]["job"]["enum"] == ["film", "picture"]


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_a_running_execution_has_no_answer(status: str) -> None:
    tool, states = made({"status": status})
    assert tool.ask_source(WAIT, GIVEN) is None
    assert states.calls == [("describe", {"executionArn": EXECUTION})]


def test_one_that_is_not_there_yet_has_no_answer() -> None:
    tool, _ = made(ExecutionDoesNotExistError())
    assert tool.ask_source(WAIT, GIVEN) is None


def test_its_output_is_the_answer() -> None:
    output = '{"svg": "<svg a=\\"1\\"></svg>"}'
    tool, _ = made({"status": "SUCCEEDED", "output": output})
    assert tool.ask_source(WAIT, GIVEN) == Result(output)


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        ({"status": "FAILED", "error": "Bad", "cause": 'a "scene"'}, 'FAILED: Bad a "scene"'),
        ({"status": "ABORTED"}, "ABORTED: no reason given"),
        ({"status": "TIMED_OUT", "error": "States.Timeout"}, "TIMED_OUT: States.Timeout"),
    ],
)
def test_another_end_is_a_failure_that_says_why(ended: dict[str, Any], text: str) -> None:
    tool, _ = made(ended)
    assert tool.ask_source(WAIT, GIVEN) == Result(text, failed=True)


def test_it_is_stopped_when_nobody_waits_any_more() -> None:
    tool, states = made()
    tool.end(WAIT, GIVEN)
    assert states.calls == [("stop", {"executionArn": EXECUTION})]


def test_an_event_names_the_execution_and_its_input_names_the_wait() -> None:
    tool, states = made({"input": json.dumps({"wait": {"session_id": "s", "tool_use_id": "t"}})})
    assert tool.place_of("arn:of:it") == ("s", "t")
    assert states.calls == [("describe", {"executionArn": "arn:of:it"})]


@pytest.mark.parametrize(
    "answer",
    [
        refusal("ExecutionDoesNotExist"),
        refusal("AccessDeniedException"),
        refusal("InvalidArn"),
        refusal("ValidationException"),
        {"input": "no JSON"},
        {"input": "[]"},
        {"input": '{"wait": {"session_id": "s"}}'},
    ],
    ids=repr,
)
def test_a_foreign_execution_is_no_job_of_ours(answer: Any) -> None:
    tool, _ = made(answer)
    with pytest.raises(ValueError, match="no execution of this stack's jobs"):
        tool.place_of("arn:of:another")


def test_a_throttled_lookup_is_a_fault() -> None:
    tool, _ = made(refusal("ThrottlingException"))
    with pytest.raises(ClientError):
        tool.place_of("arn:of:it")
