"""A whole task of each kind of wait, in an empty stack in memory, from its start to its end.

    python -m benchmarks.waits.kinds

Prints JSON: `{kind: usage}`. It runs in the environment of the tests, as the AWS in memory does.
"""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

import ask_agent
import run_job
import wait_until
from benchmarks.cycle.conversation import POST_BYTES, make_post
from benchmarks.cycle.prices import Usage
from benchmarks.recorder import Recorder
from longrunning.agent.long_running import LongTool
from longrunning.messages import build_look
from longrunning.sessions import COMPLETED, Session, SessionStore
from longrunning_testkit.agents import an_agent
from longrunning_testkit.converse_stand_in import Script, tool_use
from longrunning_testkit.pocket import clients_made_once
from longrunning_testkit.worlds import lasting, make_world
from sample_agent import make_protected_tools
from sample_people import two_of_three, use_people
from sample_post import make_publisher
from sample_world import World, use_sample

POST = {"content": make_post(1, POST_BYTES)}
"""The first text of `make bench cycle`."""
CHECKER, MACHINE = "checker", "arn:aws:states:eu-west-1:123456789012:stateMachine:picture"

NOTHING = "nothing to wait for"
APPROVAL = "`human_approval`, then the tool"
PROTECTED = "a protected tool, called directly"
PEOPLE = "the same tool, two of three people"
QUESTION = "`ask_human`"
TIMER = "`wait_until`, with a whole sweep"
JOB = "`run_job`"
AGENT = "`ask_agent`, the other agent's own session included"
SWEEP = "a sweep where nothing waits"


@dataclass(frozen=True)
class Stack:
    """A world, and what counts in it."""

    world: World
    recorder: Recorder

    def start(self, *turns: Any) -> str:
        """Has the agent begin; that somebody sent the task is not counted."""
        script: Script = [*turns, "Done."]
        self.world.play(script)
        self.send(json.dumps({"type": "new", "body": {"task": "Announce the summer sale"}}))
        record = self.world.deliver()
        if record is None:
            raise RuntimeError("there is no task")
        return str(record["messageId"])

    def send(self, body: str) -> None:
        """Puts a message on the queue as somebody else, whose call is not counted."""
        with self.recorder.paused():
            self.world.send(body)

    def click(self, label: str, count: int = 1, **form: str) -> None:
        """Decides as so many of the people who were asked."""
        for mail in self.world.read_mail()[:count]:
            said = self.world.click(mail.links[label], **form)
            if said["status_code"] != 200:
                raise RuntimeError(f"the decision was answered with {said}")


def _nothing(stack: Stack) -> str:
    stack.world.with_tools()
    return stack.start()


def _approval(stack: Stack) -> str:
    ask = tool_use("ask-1", "human_approval", POST)
    session_id = stack.start([ask], [tool_use("post-1", "publish_post", POST)])
    stack.click("approve")
    return session_id


def _protected(stack: Stack) -> str:
    session_id = stack.start([tool_use("post-1", "publish_post", POST)])
    stack.click("approve")
    return session_id


def _people(stack: Stack) -> str:
    use_people(stack.world, two_of_three, *make_protected_tools(make_publisher()))
    session_id = stack.start([tool_use("post-1", "publish_post", POST)])
    with stack.recorder.paused():
        (asked,) = stack.world.approvals(session_id)
    stack.click("approve", 2, decision="approved", seen=asked.in_force.digest)
    return session_id


def _question(stack: Stack) -> str:
    stack.world.with_tools()
    asked = {"question": "Which colour shall the unicorn of the summer sale have?"}
    session_id = stack.start([tool_use("ask-1", "ask_human", asked)])
    stack.click("answer", **{"decision": "answered", "answer.answer": "The blue one."})
    return session_id


def _timer(stack: Stack) -> str:
    stack.world.with_tools(wait_until.wait_until)
    time = datetime.fromtimestamp(stack.world.clock(), UTC) + timedelta(hours=2)
    session_id = stack.start([tool_use("timer-1", "wait_until", {"time": time.isoformat()})])
    stack.world.step(timedelta(hours=2).total_seconds())
    stack.world.sweep()
    return session_id


def _job(stack: Stack) -> str:
    machine = _Machine()
    stack.world.with_tools(run_job.make_run_job(lambda: machine, {"picture": MACHINE}))
    given = {"job": "picture", "given": {"unicorn_color": "pink"}}
    session_id = stack.start([tool_use("job-1", "run_job", given)])
    stack.send(build_look("run_job", "the execution that has ended"))
    return session_id


def _agent(stack: Stack) -> str:
    ask = _asking(stack.world)
    stack.world.with_agents(lambda m: [an_agent(m, ask), an_agent(m, name=CHECKER)])
    given = {"name": CHECKER, "task": POST["content"]}
    return stack.start([tool_use("agent-1", "ask_agent", given)], "It is good.")


KINDS: dict[str, Callable[[Stack], str]] = {
    NOTHING: _nothing,
    APPROVAL: _approval,
    PROTECTED: _protected,
    PEOPLE: _people,
    QUESTION: _question,
    TIMER: _timer,
    JOB: _job,
    AGENT: _agent,
}
"""How a task of each kind comes as far as the answer: what follows is delivered by the queue."""


def count_all() -> dict[str, Usage]:
    """Returns what a task of each kind uses, and a sweep where there is none."""
    return {kind: count(kind) for kind in KINDS} | {SWEEP: count(SWEEP)}


def count(kind: str) -> Usage:
    """Returns what one task of a kind uses in a stack where nothing else is."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch, clients_made_once(), redirect_stdout(StringIO()):
        made = make_world(patch, World)
        use_sample(patch, made.receiver)
        for world in lasting(made):
            with recorder.installed():
                _run(kind, Stack(world, recorder))
    return recorder.take()


def _run(kind: str, stack: Stack) -> None:
    if kind == SWEEP:
        stack.world.sweep()
        return
    session_id = KINDS[kind](stack)
    stack.world.deliver_all()
    with stack.recorder.paused():
        if stack.world.session(session_id).status != COMPLETED:
            raise RuntimeError(f"{kind}: the task did not come to its end")


class _Machine:
    """Step Functions, as far as the tool uses them: what it is billed there is the job's own."""

    class exceptions:
        """As boto3 has them."""

        ExecutionAlreadyExists = ExecutionDoesNotExist = KeyError

    def __init__(self) -> None:
        self._input = ""

    def start_execution(self, **given: str) -> None:
        """Keeps its input."""
        self._input = given["input"]

    def describe_execution(self, **_: str) -> Mapping[str, str]:
        """Says that it has ended."""
        return {"status": "SUCCEEDED", "output": '{"key": "17.png"}', "input": self._input}


def _asking(world: World) -> LongTool:
    sessions = SessionStore(
        world.aws["dynamodb"],
        world.env["SESSIONS_TABLE_NAME"],
        world.aws["s3"],
        world.env["STATE_BUCKET_NAME"],
    )

    def find(session_id: str) -> Session | None:
        return sessions.find(session_id)

    return ask_agent.make_ask_agent([CHECKER], world.send, find)


def main() -> None:
    """Counts every kind, and prints."""
    json.dump({kind: vars(usage) for kind, usage in count_all().items()}, sys.stdout)


if __name__ == "__main__":
    main()
