"""`make approvals`, before the real routes: what it lists, shows and does, and says then."""

import io
import json
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from operate import approvals, clicks, stacks
from operate.clicks import Answer, NoAnswerError
from operate.errors import OperateError
from operate.stacks import Stack

import operator_handler
from converse_stand_in import tool_use
from longrunning.human_approval import pause
from longrunning.people.policy import Policy
from longrunning.waits.item import Wait
from longrunning_testkit.worlds import http_event
from sample_people import PEOPLE, set_people, two_of_three, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_any_call import refund

FRONT = "http://localhost:3000"
OPTIONS = ("DO", "ID", "COMMENT", "ANSWER", "HOURS", "YES", "JSON")


@dataclass
class Console:
    """The command, as it is called in a shell that signs as somebody."""

    world: World
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    stack: Stack
    signs_as: str = "user/ann"
    sent: list[tuple[str, str]] = field(default_factory=list)
    out: str = ""
    err: str = ""

    def run(self, do: str = "", wait: Wait | None = None, **options: str) -> int:
        """Runs it; what it has printed is in `out` and `err`."""
        for name in OPTIONS:
            self.monkeypatch.delenv(name, raising=False)
        options |= {"DO": do} if do else {}
        options |= {"ID": f"{wait.session_id}/{wait.tool_use_id}"} if wait else {}
        for name, value in options.items():
            self.monkeypatch.setenv(name, value)
        self.capsys.readouterr()
        status = approvals.main(self.stack)
        self.out, self.err = self.capsys.readouterr()
        self.out = "\n".join(x for x in self.out.splitlines() if not x.startswith('{"_aws"')
                             and not x.startswith('{"timestamp"')) + "\n"  # fmt: skip
        return status

    def json(self, do: str = "", wait: Wait | None = None, **options: str) -> Any:
        assert self.run(do, wait, JSON="1", **options) == 0
        return json.loads(self.out)

    def send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        """Answers as API Gateway and the function do."""
        assert url.startswith(f"{FRONT}/operator/")
        assert "AWS4-HMAC-SHA256" in headers["Authorization"]
        self.sent.append((method, urlsplit(url).path.rpartition("/")[2]))
        lower = {name.lower(): value for name, value in headers.items()}
        text = None if body is None else body.decode()
        event = http_event(method, urlsplit(url), lower, text, iam=True)
        arn = f"arn:aws:iam::123456789012:{self.signs_as}"
        event["requestContext"]["authorizer"]["iam"]["userArn"] = arn
        answer = operator_handler.handler(event, None)
        return Answer(answer["statusCode"], answer["body"])


@pytest.fixture
def console(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Console:
    session = boto3.Session("key", "secret", region_name="eu-west-1")
    aws = (world.aws["dynamodb"], world.aws["sqs"], world.aws["s3"])
    stack = Stack("local", *aws, "", "", {}, "", "", "", front_url=FRONT, session=session)
    made = Console(world, monkeypatch, capsys, stack)
    monkeypatch.setattr(clicks, "send", made.send)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return made


def ask(console: Console, policy: Any = None, *turn: Any, text: str = "Done.") -> Wait:
    """Has the agent ask; ann, bob and cyd sign as users of those names."""
    world = console.world
    use_people(world, policy or (lambda *_: Policy(people=("ann", "bob"))), refund_tool(Refunds()))
    set_people(console.monkeypatch, {n: p._replace(iam=f"user/{n}") for n, p in PEOPLE.items()})
    world.play([list(turn) or [refund()], text])
    (wait,) = world.approvals(world.start(session_id=f"s-{len(world.mails)}"))
    world.read_mail()
    return wait


def stands(console: Console, wait: Wait) -> Wait:
    (found,) = console.world.approvals(wait.session_id)
    return found


# --- looking -------------------------------------------------------------------------------------


def test_nothing_open_says_so(console: Console) -> None:
    assert console.run() == 0
    assert console.out == "Nothing waits.\n"
    assert console.json() == {"approvals": []}


def test_the_list_is_a_table_of_all_that_is_open(console: Console) -> None:
    wait = ask(console, two_of_three)
    console.world.step(5 * 60)
    assert console.run() == 0
    heads, row = console.out.splitlines()
    assert heads.split() == ["ID", "AGENT", "ACTION", "AGE", "LEFT", "VOTES", "ABOUT"]
    assert row.startswith(f"{wait.session_id}/{wait.tool_use_id}  ")
    for part in ("send_refund", "5 min", "54 min left", "0 of 2", "order_id: 4711"):
        assert part in row
    assert len(console.json()["approvals"]) == 1


def test_the_list_leads_through_all_pages(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set()
    for _ in range(3):
        wait = ask(console)
        ids.add((wait.session_id, wait.tool_use_id))
    send = console.send

    def smaller(method: str, url: str, *more: Any) -> Answer:
        return send(method, url.replace("limit=100", "limit=1"), *more)

    monkeypatch.setattr(clicks, "send", smaller)
    found = console.json()["approvals"]
    assert {(entry["session_id"], entry["tool_use_id"]) for entry in found} == ids
    assert console.sent.count(("GET", "approvals")) == len(ids) == 3


def test_a_tool_that_no_person_decides_is_listed_and_can_be_cancelled(console: Console) -> None:
    from strands.tools.tools import PythonAgentTool

    spec = {"name": "render_video", "description": "Renders.", "inputSchema": {"json": {}}}
    job = PythonAgentTool("render_video", spec, lambda tool, **more: pause(tool, "...", **more))
    console.world.with_tools(job)
    console.world.play([[tool_use("job-1", "render_video", {})], "Then without."])
    (wait,) = console.world.approvals(console.world.start())
    console.run()
    assert "render_video" in console.out
    assert console.run("cancel", wait, COMMENT="Off.") == 0
    assert console.out == "CANCELLED by iam:user/ann. The agent is told.\n"
    assert console.run("extend", wait, HOURS="1") == 1
    assert "expected an approval or a question" in console.err


def test_show_has_all_that_a_person_reads(console: Console) -> None:
    wait = ask(console, two_of_three)
    assert console.run("show", wait) == 0
    for part in ("send_refund", "2 of ann, bob, cyd", 'order_id = "4711"', wait.in_force.digest):
        assert part in console.out
    assert console.json("show", wait)["arguments"] == wait.asked.arguments


def test_what_an_agent_wrote_moves_no_cursor(console: Console) -> None:
    hostile = tool_use("ask-1", "human_approval", {"content": "Hi\x1b[2J\u202e\nline two"})
    console.world.play([[hostile], "Done."])
    (wait,) = console.world.approvals(console.world.start())
    for do in ("", "show", "history"):
        console.run(do, wait)
        assert "\x1b" not in console.out
        assert "\u202e" not in console.out
    console.run("show", wait)
    assert "  | Hi[U+001B][2J[U+202E]\n  | line two\n" in console.out


def test_the_history_tells_who_has_decided_what(console: Console) -> None:
    wait = ask(console, two_of_three)
    console.run("extend", wait, HOURS="5")
    console.run("approve", wait, YES="1", COMMENT="Fine.")
    console.signs_as = "user/bob"
    console.run("deny", wait, COMMENT="No.")
    assert console.run("history", wait) == 0
    for part in ("denied by bob (iam): No.", "ann approved (iam): Fine.", "moved by iam:user/ann"):
        assert part in console.out
    assert console.run("history", ID=wait.session_id) == 0
    assert len(console.json("history", ID=wait.session_id)["approvals"]) == 1


# --- deciding ------------------------------------------------------------------------------------


def test_approve_shows_the_whole_call_and_sends_what_was_shown(console: Console) -> None:
    wait = ask(console)
    assert console.run("approve", wait, YES="1", COMMENT="It's $5 off, 100%") == 0
    assert 'order_id = "4711"' in console.out
    assert wait.in_force.digest in console.out
    assert console.out.endswith("APPROVED by ann (iam). The agent is told.\n")
    assert stands(console, wait).comment == "It's $5 off, 100%"


def test_approve_wants_a_yes(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = ask(console)
    with pytest.raises(OperateError, match="YES=1"):
        console.run("approve", wait)
    for said in ("\n", "n\n", "no\n", "yesterday\n", ""):
        terminal = io.StringIO(said)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        with pytest.raises(OperateError, match="Nothing was approved"):
            console.run("approve", wait)
    assert stands(console, wait) == wait
    terminal = io.StringIO("y\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert console.run("approve", wait) == 0
    assert stands(console, wait).status == "APPROVED"


def test_what_was_edited_after_it_was_shown_is_not_approved(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_people import links_of, say

    wait = ask(console, two_of_three)
    link = links_of(console.world.mails)["bob"]
    monkeypatch.setattr(
        approvals, "_consent", lambda _: say(console.world, link, arguments={"amount": 40})
    )
    assert console.run("approve", wait) == 1
    assert "This is not what you have read" in console.err
    assert [vote["by"] for vote in stands(console, wait).votes or ()] == ["bob"]


def test_json_alone_is_printed_where_a_program_reads_it(console: Console) -> None:
    wait = ask(console)
    assert console.json("approve", wait, YES="1")["status"] == "APPROVED"
    assert wait.in_force.digest in console.err, "the call is shown beside it"


def test_a_vote_of_several_is_counted(console: Console) -> None:
    wait = ask(console, two_of_three)
    console.run("approve", wait, YES="1")
    assert console.out.endswith("Counted: 1 of 2 have agreed.\n")
    console.signs_as = "user/cyd"
    console.run("approve", wait, YES="1")
    assert console.out.endswith("APPROVED by cyd (iam). The agent is told.\n")


def test_who_is_nobody_is_told_what_to_write_where(console: Console) -> None:
    wait = ask(console)
    console.signs_as = "root"
    for do in ("approve", "deny"):
        assert console.run(do, wait, YES="1") == 1
        assert "You are iam:root, and nobody in people.toml has that under iam" in console.err
    assert stands(console, wait) == wait


def test_the_opposite_is_told_and_changes_nothing(console: Console) -> None:
    wait = ask(console)
    console.run("deny", wait, COMMENT="No.")
    assert console.run("approve", wait, YES="1") == 1
    assert console.err == "Nothing was done: it is DENIED by ann.\n"


def test_a_question_is_answered_or_declined(console: Console) -> None:
    turn = tool_use("q-1", "ask_human", {"question": "Size?", "choices": ["s", "m"]})
    wait = ask(console, None, turn)
    assert console.run("approve", wait, YES="1") == 1
    assert "this is a question" in console.err
    console.run("show", wait)
    assert 'answer: answer = {"type": "string"' in console.out
    for wrong in ("", "m", '"m"', "[]", "{", "null", "[" * 100_000):
        with pytest.raises(OperateError, match="ANSWER: expected a JSON object"):
            console.run("answer", wait, ANSWER=wrong)
    assert console.run("answer", wait, ANSWER='{"answer": "l"}') == 1
    assert "answer.answer: expected one of s, m" in console.err
    assert console.run("answer", wait, ANSWER='{"answer": "m"}') == 0
    assert console.out == "RESOLVED by ann (iam). The agent is told.\n"
    assert console.run("decline", wait) == 1
    console.world.deliver_all()
    assert console.run("answer", ask(console), ANSWER='{"answer": "m"}') == 1
    assert "this is no question" in console.err


# --- more time -----------------------------------------------------------------------------------


def test_more_time_says_until_when(console: Console) -> None:
    wait = ask(console)
    assert console.run("extend", wait, HOURS="24") == 0
    assert console.out == (
        "It ends at Sunday, 15 March 2026, 11:00 UTC. New links go out within a minute.\n"
    )
    assert console.run("extend", wait, HOURS="168") == 1
    assert console.err.startswith("hours: expected an end at ")


@pytest.mark.parametrize("hours", ["", "0", "-1", "1.5", "a day", "1000", "१"])
def test_hours_that_are_none_are_told(console: Console, hours: str) -> None:
    wait = ask(console)
    with pytest.raises(OperateError, match="such as HOURS=24"):
        console.run("extend", wait, HOURS=hours)


def test_the_e_mail_is_sent_again(console: Console) -> None:
    wait = ask(console)
    assert console.run("resend", wait) == 0
    assert console.out == "The e-mail goes out within a minute.\n"
    assert console.world.sweep()["reminded"] == 1


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("id_", ["", "s", "s/", "/t", "s/t/u", "s t/u", "s/t.u"])
def test_an_id_that_is_none_is_told(console: Console, id_: str) -> None:
    with pytest.raises(OperateError, match="ID: expected <session>/<tool use>"):
        console.run("show", ID=id_)
    assert console.sent == []


def test_an_action_that_there_is_not_is_told(console: Console) -> None:
    with pytest.raises(OperateError, match="DO=delete: expected one of list, show, approve"):
        console.run("delete", ID="s/t")


def test_an_id_of_nothing_is_told(console: Console) -> None:
    assert console.run("show", ID="s/t") == 1
    assert console.err == "tool_use_id: no such approval of this session\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(403, '{"message": "Forbidden"}'), "execute-api:Invoke"),
        (Answer(404, '{"message": "Not Found"}'), "execute-api:Invoke"),
        (Answer(503, '{"error": "Something failed. Please send it again."}'), "send it again"),
        (Answer(500, "<html>"), "does not answer"),
        (Answer(429, '{"message": "Too Many Requests"}'), "does not answer"),
        (Answer(302, ""), "nobody expects: 302"),
        (Answer(200, "<html>"), "nobody expects: 200"),
    ],
)
def test_an_answer_that_is_none_is_told(
    console: Console, monkeypatch: pytest.MonkeyPatch, answer: Answer, words: str
) -> None:
    monkeypatch.setattr(clicks, "send", lambda *_: answer)
    with pytest.raises(OperateError, match=words):
        console.run("show", ID="s/t")


def test_a_stack_that_is_not_there_is_told(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any) -> Answer:
        raise NoAnswerError("localhost:3000 does not answer (refused)")

    monkeypatch.setattr(clicks, "send", nobody)
    with pytest.raises(OperateError, match="localhost:3000 does not answer"):
        console.run()


def test_the_url_of_a_deployed_stack_is_its_output(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from operate.operator_api import OperatorApi

    class CloudFormation:
        outputs = ({"OutputKey": "OperatorUrl", "OutputValue": "https://x/o"},)

        def describe_stacks(self, StackName: str) -> dict[str, Any]:
            return {"Stacks": [{"Outputs": self.outputs}]}

        def close(self) -> None:
            """Nothing is open."""

    deployed = replace(console.stack, front_url="", client=lambda _: CloudFormation())
    assert OperatorApi.of(deployed).url == "https://x/o"
    monkeypatch.setattr(CloudFormation, "outputs", ())
    with pytest.raises(OperateError, match="no output OperatorUrl"):
        OperatorApi.of(deployed)
    bare = replace(console.stack, session=type("S", (), {"get_credentials": lambda _: None})())
    with pytest.raises(OperateError, match="AWS_PROFILE"):
        OperatorApi.of(bare)


def test_it_is_a_command() -> None:
    from operate.__main__ import COMMANDS

    assert COMMANDS["approvals"] is approvals.main
    assert stacks.LOCAL_NAME == "local"
