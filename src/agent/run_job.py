"""A job: an execution of one of the stack's Step Functions machines, which may run for hours.

The machine must be of the type Standard: only that one starts once per name and keeps its history.
Source: Step Functions, "StartExecution", "DescribeExecution".
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from longrunning.agent.long_running import LongTool, Result, long_running, one_of
from longrunning.waits.item import Wait

UNKNOWN = ("ExecutionDoesNotExist", "InvalidArn", "AccessDeniedException", "ValidationException")


def make_run_job(states: Callable[[], Any], machines: Mapping[str, str]) -> LongTool:
    """Makes the tool.

    Args:
        states: Makes a low-level Step Functions client, or returns the one that it made before.
        machines: The ARN of each machine by the name of its job: what may run without approval.
    """

    @long_running(within=timedelta(hours=6))
    def run_job(
        wait: Wait,
        given: dict[str, Any],
        job: str = one_of(machines),
    ) -> None:
        """Runs a job that may take hours. You are stopped and continue with its output.

        Args:
            given: The job's input, an object.
            job: The job's name.
        """
        named = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
        text = json.dumps({"wait": named, "given": given})
        try:
            states().start_execution(stateMachineArn=machines[job], name=wait.name, input=text)
        except states().exceptions.ExecutionAlreadyExists:
            pass  # An earlier attempt has started it.

    @run_job.look
    def look(wait: Wait, job: str) -> Result | None:
        try:
            found = states().describe_execution(executionArn=_execution(machines[job], wait))
        except states().exceptions.ExecutionDoesNotExist:
            return None  # It is about to be started.
        match found["status"]:
            case "RUNNING" | "PENDING_REDRIVE":
                return None
            case "SUCCEEDED":
                return Result(found["output"])
        why = " ".join(filter(None, (found.get("error"), found.get("cause"))))
        return Result(f"{found['status']}: {why or 'no reason given'}", failed=True)

    @run_job.cancel
    def cancel(wait: Wait, job: str) -> None:
        states().stop_execution(executionArn=_execution(machines[job], wait))

    @run_job.locate
    def locate(about: str) -> tuple[str, str]:
        """Finds the wait in the execution's own input; an event carries no more than its ARN."""
        try:
            named = json.loads(states().describe_execution(executionArn=about)["input"])["wait"]
            return named["session_id"], named["tool_use_id"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in UNKNOWN:
                raise
        except (ValueError, KeyError, TypeError):
            pass
        raise ValueError("no execution of this stack's jobs")

    return run_job


def _execution(machine_arn: str, wait: Wait) -> str:
    return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{wait.name}"
