"""`make ledger`, `redrive` and `smoke` on a running stack: what they find, and bring on."""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from operate import mailbox, reading
from operate.__main__ import COMMANDS
from operate.redrive import redrive
from operate.stacks import Stack

from local_stack import PYTHON, ROOT, LocalStack, wait_until
from longrunning.messages import build_existing, build_new, tool_result

HOLDS, BROKEN, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


Operate = Callable[..., Answer]


@pytest.fixture(scope="session")
def stack(own_stack: LocalStack) -> LocalStack:
    """Not the one that other tests post to and bury letters in: here all of it is counted."""
    return own_stack


@pytest.fixture(scope="session")
def found(found_own: Stack) -> Stack:
    """The same, as an operator's commands find it."""
    return found_own


@pytest.fixture
def operate(
    stack: LocalStack,
    found: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Operate:
    """Runs a command's own part, once nothing is on its way."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)

    def run(command: str, **environment: str) -> Answer:
        stack.wait_until_quiet()
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            status = COMMANDS[command](found)
        return Answer(status, *capsys.readouterr())

    return run


@pytest.fixture
def forget(stack: LocalStack) -> Iterator[list[str]]:
    """Collects sessions that a test breaks, and removes them: the stack is everybody's."""
    session_ids: list[str] = []
    yield session_ids
    for session_id in session_ids:
        for table, kind in (("sessions", "agent_name"), ("approvals", "tool_use_id")):
            for item in stack._items(table, session_id):
                _delete(stack, table, session_id=item["session_id"]["S"], **{kind: item[kind]["S"]})


def test_the_law_holds_for_tasks_done_denied_and_waiting(
    stack: LocalStack, operate: Operate, task: str, tmp_path: Path
) -> None:
    done, links = stack.ask(f"{task}, one")
    stack.post_form(links["approve"], decision="approved")
    waiting, _ = stack.ask(f"{task}, two")
    stack.wait_until_completed(done)
    accepted = tmp_path / "accepted"
    accepted.write_text(f"{done}\n{waiting}\n")
    answer = operate("ledger", ACCEPTED=str(accepted))
    assert answer.returncode == HOLDS, answer.stdout + answer.stderr
    assert answer.stdout.endswith("The law holds.\n")
    assert _number(answer, "new tasks accepted") >= 2
    assert _number(answer, "completed") >= 1
    assert _number(answer, "waiting") >= 1
    assert _number(answer, "posts") == _number(answer, "approvals spent")


def test_a_task_that_only_its_sender_knows_is_lost(operate: Operate, tmp_path: Path) -> None:
    accepted = tmp_path / "accepted"
    accepted.write_text("never-arrived\n")
    answer = operate("ledger", ACCEPTED=str(accepted))
    assert answer.returncode == BROKEN
    assert re.search(r"^lost: 1\. .*\n  never-arrived$", answer.stdout, re.MULTILINE)


def test_a_post_that_is_gone_is_named_with_its_approval(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, post = _published(stack, task)
    key = {"feed": post["feed"]["S"], "idempotency_key": post["idempotency_key"]["S"]}
    _delete(stack, "posts", **key)
    answer = operate("ledger")
    stack.dynamodb.put_item(TableName=stack.description["tables"]["posts"], Item=post)
    assert answer.returncode == BROKEN
    [tool_use_id] = [a["tool_use_id"]["S"] for a in stack.approvals(session_id)]
    assert f"\n  {session_id}  {tool_use_id}\n" in answer.stdout
    assert "not posted: 1. Spent, and the receiver has no post." in answer.stdout
    assert operate("ledger").returncode == HOLDS


def test_a_post_that_nobody_approved_is_named(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    _, post = _published(stack, task)
    foreign = post | {"idempotency_key": {"S": "somebody/else"}}
    stack.dynamodb.put_item(TableName=stack.description["tables"]["posts"], Item=foreign)
    answer = operate("ledger")
    _delete(stack, "posts", feed=post["feed"]["S"], idempotency_key="somebody/else")
    assert answer.returncode == BROKEN
    assert re.search(r"not approved: 1\..*\n  somebody  else\n", answer.stdout)


def test_a_call_of_a_tool_whose_receiver_is_not_known_is_not_counted(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, post = _published(stack, task)
    [approval] = stack.approvals(session_id)
    tables = stack.description["tables"]
    refund = approval | {"action": {"S": "send_refund"}}
    stack.dynamodb.put_item(TableName=tables["approvals"], Item=refund)
    _delete(stack, "posts", feed=post["feed"]["S"], idempotency_key=post["idempotency_key"]["S"])
    answer = operate("ledger")
    stack.dynamodb.put_item(TableName=tables["posts"], Item=post)
    stack.dynamodb.put_item(TableName=tables["approvals"], Item=approval)
    assert answer.returncode == HOLDS, answer.stdout
    assert "not counted: send_refund: 1 spent; its receiver is not known here" in answer.stdout


def test_a_decision_without_its_message_is_stuck_and_resend_brings_it_on(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, _ = stack.ask(task)
    [approval] = stack.approvals(session_id)
    _update(stack, approval, "SET #s = :s, decision = :d REMOVE open_shard, due_at",
            {":s": "APPROVED", ":d": "approved"})  # fmt: skip
    assert re.search(rf"stuck: 1\..*\n  {session_id}\n", operate("ledger").stdout)
    shown = operate("redrive", RESEND="1", DRY_RUN="1")
    assert session_id in shown.stdout
    stack.wait_until_quiet()
    assert stack.status(session_id) == "waiting"
    assert operate("redrive", RESEND="1").returncode == 0
    stack.wait_until_completed(session_id)
    assert len(stack.posts(task)) == 1
    assert len(stack.mails(task)) == 1
    assert operate("ledger").returncode == HOLDS


def test_a_pause_that_asked_nobody_is_named_and_resend_asks(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, _ = stack.ask(task)
    [approval] = stack.approvals(session_id)
    _delete(stack, "approvals", session_id=session_id, tool_use_id=approval["tool_use_id"]["S"])
    assert re.search(rf"never asked: 1\..*\n  {session_id}  ", operate("ledger").stdout)
    assert operate("redrive", RESEND="1").returncode == 0
    stack.wait_for_mail(task, count=2)
    assert stack.approvals(session_id) == [approval]
    assert operate("ledger").returncode == HOLDS


def test_an_interrupted_session_is_stuck_and_resend_has_it_go_on(
    stack: LocalStack, operate: Operate, forget: list[str]
) -> None:
    """As a run leaves it that its deadline stopped after a whole turn, its message then lost."""
    session_id = f"interrupted-{uuid.uuid4().hex[:8]}"
    forget.append(session_id)
    stack.send({"type": "new", "session_id": session_id, "body": {"task": "Say"}})
    wait_until(lambda: stack.status(session_id) == "waiting")
    stack.wait_until_quiet()
    [approval] = stack.approvals(session_id)
    _delete(stack, "approvals", session_id=session_id, tool_use_id=approval["tool_use_id"]["S"])
    session = stack.session(session_id)
    stack.dynamodb.put_item(
        TableName=stack.description["tables"]["sessions"], Item=session | {"pending": {"L": []}}
    )
    assert re.search(rf"stuck: 1\..*\n  {session_id}\n", operate("ledger").stdout)
    assert operate("redrive", RESEND="1").returncode == 0
    wait_until(lambda: int(stack.session(session_id)["version"]["N"]) == 2)
    stack.wait_until_quiet()


def test_deep_looks_for_the_conversations_in_s3(
    stack: LocalStack, operate: Operate, task: str, found: Stack
) -> None:
    session_id = stack.send_task(f"{task} {' '.join(map(str, range(3_000)))}")
    stack.wait_for_mail(task)
    base = stack.session(session_id)["base"]["M"]
    found.s3.delete_object(Bucket=found.state_bucket, Key=base["key"]["S"])
    assert operate("ledger", DEEP="1").returncode == HOLDS  # Its version is still there.
    found.s3.delete_object(
        Bucket=found.state_bucket, Key=base["key"]["S"], VersionId=base["version_id"]["S"]
    )
    assert operate("ledger").returncode == HOLDS
    answer = operate("ledger", DEEP="1")
    assert answer.returncode == BROKEN
    assert re.search(rf"base missing: 1\..*\n  {session_id}\n", answer.stdout)


# Dead letters.


def test_a_message_that_dies_keeps_its_id_and_redrive_goes_on_with_its_own_session(
    stack: LocalStack, operate: Operate, task: str, tmp_path: Path
) -> None:
    session_id = _die(stack, build_new(task))
    accepted = tmp_path / "accepted"
    accepted.write_text(session_id)
    before = operate("ledger", ACCEPTED=str(accepted))
    assert before.returncode == HOLDS
    assert _number(before, "dead-lettered") == 1
    assert session_id in operate("redrive", DRY_RUN="1").stdout
    assert stack.status(session_id) == ""
    assert "Moved: 1" in operate("redrive").stdout
    links = {link["label"]: link["url"] for link in stack.wait_for_mail(task)["links"]}
    assert stack.status(session_id) == "waiting"
    stack.post_form(links["approve"], decision="approved")
    stack.wait_until_completed(session_id)
    assert _number(operate("ledger", ACCEPTED=str(accepted)), "dead-lettered") == 0
    assert len(stack.posts(task)) == 1


def test_redriving_what_is_done_changes_nothing(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, links = stack.ask(task)
    stack.post_form(links["approve"], decision="approved")
    stack.wait_until_completed(session_id)
    [approval] = stack.approvals(session_id)
    result = tool_result(approval["tool_use_id"]["S"], "success", "x")
    for body in (
        build_new(task, session_id),
        build_existing(session_id, "human_approval", [result]),
    ):
        _bury(stack, body, original_message_id=stack.session(session_id)["paused_by"]["S"])
    before = stack.session(session_id), stack.approvals(session_id)
    assert "Moved: 2" in operate("redrive").stdout
    stack.wait_until_quiet()
    assert (stack.session(session_id), stack.approvals(session_id)) == before
    assert len(stack.mails(task)) == len(stack.posts(task)) == 1
    assert operate("ledger").returncode == HOLDS


def test_redriving_a_question_that_waits_asks_no_second_one(
    stack: LocalStack, operate: Operate, task: str
) -> None:
    session_id, links = stack.ask(task)
    before = stack.session(session_id), stack.approvals(session_id)
    _bury(stack, build_new(task, session_id), original_message_id=before[0]["paused_by"]["S"])
    assert _number(operate("ledger"), "dead-lettered") == 1
    operate("redrive")
    stack.wait_until_quiet()
    assert (stack.session(session_id), stack.approvals(session_id)) == before
    sent = [{link["label"]: link["url"] for link in mail["links"]} for mail in stack.mails(task)]
    assert all(again == links for again in sent)


def test_killed_between_send_and_delete_the_letter_is_there_twice_and_does_no_harm(
    stack: LocalStack, found: Stack, operate: Operate, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bury(stack, build_new(task, session_id := f"twice-{uuid.uuid4().hex[:8]}"))

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(found.sqs, "delete_message", killed)
        redrive(found)
    stack.wait_for_mail(task)
    assert stack.messages_in("dead_letter_queue_url") == 1
    assert "Moved: 1" in operate("redrive").stdout
    stack.wait_until_quiet()
    assert stack.messages_in("dead_letter_queue_url") == 0
    assert len(stack.approvals(session_id)) == 1
    assert {json.dumps(mail["links"]) for mail in stack.mails(task)} == {
        json.dumps(stack.mails(task)[0]["links"])
    }


def test_what_was_malformed_stays_unless_asked_for(stack: LocalStack, operate: Operate) -> None:
    body = json.dumps({"type": "new", "body": {"no_task": uuid.uuid4().hex}})
    _bury(stack, body, reason="body.task: expected a text, got nothing")
    said = operate("redrive").stdout
    assert "REJECTED=1" in said
    assert "\n  body.task: expected a text, got nothing\n" in said
    assert "Moved: 1" in operate("redrive", REJECTED="1").stdout
    letter = stack.take_dead_letter(body)
    assert set(letter["MessageAttributes"]) == {"reason"}


# Smoke.


def test_smoke_sees_a_task_through_to_its_post(stack: LocalStack) -> None:
    answer = _run("smoke", "--state-dir", str(stack.state_dir))
    assert answer.returncode == HOLDS, answer.stdout + answer.stderr
    assert answer.stdout.count("  ✓ ") == 13
    run = _smoke_run(answer)
    assert len(stack.posts(run)) == 1
    assert len(stack.mails(run)) == 1
    assert run not in str(stack.sqs.list_queues()["QueueUrls"])


def test_smoke_fails_where_no_e_mail_comes_and_takes_its_question_back(
    stack: LocalStack, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "questions", lambda body: [])
    answer = operate("smoke", LIMIT_SECONDS="3")
    assert answer.returncode == BROKEN, answer.stdout + answer.stderr
    assert "its e-mail has not come yet" in answer.stdout
    assert "Its question was cancelled." in answer.stdout
    run = _smoke_run(answer)
    stack.wait_until_completed(f"smoke-{run}")
    [approval] = stack.approvals(f"smoke-{run}")
    assert approval["status"]["S"] == "CANCELLED"
    assert approval["decided_by"]["S"].startswith("iam:")
    assert not stack.posts(run)
    assert run not in str(stack.sqs.list_queues()["QueueUrls"])


def test_smoke_that_is_told_to_end_leaves_no_queue(stack: LocalStack, tmp_path: Path) -> None:
    """Where the agent does not run, it waits."""
    with _without_agent(stack):
        command = [str(PYTHON), "-m", "operate", "smoke", "--state-dir", str(stack.state_dir)]
        path = {"PYTHONPATH": str(ROOT / "src" / "layer" / "python")}
        with (tmp_path / "said").open("w+") as said:
            process = subprocess.Popen(command, cwd=ROOT, env=os.environ | path, stdout=said)
            wait_until(lambda: "sent a task" in (tmp_path / "said").read_text())
            process.terminate()
            assert process.wait(timeout=60) == 130
        run = re.search(r"smoke-(\w{8})", (tmp_path / "said").read_text())
        assert run and run[1] not in str(stack.sqs.list_queues()["QueueUrls"])
    wait_until(lambda: stack.status(f"smoke-{run[1]}") == "waiting")


# When it cannot be done.


def test_without_a_stack_it_says_how_to_get_one(tmp_path: Path) -> None:
    answer = _run("ledger", "--state-dir", str(tmp_path))
    assert answer.returncode == UNKNOWN
    assert "make run" in answer.stderr
    assert "STACK=" in answer.stderr


def test_a_stack_that_has_ended_is_said(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(
        json.dumps(stack.description | {"endpoint_url": "http://127.0.0.1:9"})
    )
    answer = _run("redrive", "--state-dir", str(tmp_path))
    assert answer.returncode == UNKNOWN
    assert "does not answer" in answer.stderr


def test_without_credentials_it_says_what_to_set(tmp_path: Path) -> None:
    answer = _run("ledger", STACK="prod", AWS_DEFAULT_REGION="eu-west-1", **_no_account(tmp_path))
    assert answer.returncode == UNKNOWN
    assert "AWS_PROFILE" in answer.stderr


@pytest.mark.parametrize(
    ("name", "status", "said"), [("local", HOLDS, "The law holds."), ("other", UNKNOWN, "no stack")]
)
def test_a_deployed_stack_is_found_by_its_name(
    stack: LocalStack, tmp_path: Path, name: str, status: int, said: str
) -> None:
    account = _no_account(tmp_path) | {
        "AWS_ENDPOINT_URL": stack.description["endpoint_url"],
        "AWS_DEFAULT_REGION": stack.description["region"],
        "AWS_ACCESS_KEY_ID": stack.description["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": stack.description["secret_access_key"],
    }
    stack.wait_until_quiet()
    answer = _run("ledger", "--state-dir", str(tmp_path), STACK=name, **account)
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert said in answer.stdout + answer.stderr


def _smoke_run(answer: Answer) -> str:
    found = re.search(r"session smoke-([0-9a-f]{8})", answer.stdout)
    assert found, answer.stdout + answer.stderr
    return found[1]


@contextmanager
def _without_agent(stack: LocalStack) -> Iterator[None]:
    """No message is handed to the agent meanwhile."""
    functions = stack.client("lambda")
    [mapping] = functions.list_event_source_mappings(
        FunctionName=stack.description["functions"]["agent"]
    )["EventSourceMappings"]
    stack.wait_until_quiet()
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        functions.close()


def _run(command: str, *options: str, **environment: str) -> Answer:
    """Runs a command as make does."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("AWS_")}
    path = {"PYTHONPATH": str(ROOT / "src" / "layer" / "python")}
    ran = subprocess.run(
        [str(PYTHON), "-m", "operate", command, *options],
        cwd=ROOT,
        env=kept | path | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Answer(ran.returncode, ran.stdout, ran.stderr)


def _no_account(folder: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's own AWS settings is found."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
    }


def _number(answer: Answer, what: str) -> int:
    found = re.search(rf"^ *([\d,]+) +{what}$", answer.stdout, re.MULTILINE)
    assert found, answer.stdout + answer.stderr
    return int(found[1].replace(",", ""))


def _published(stack: LocalStack, task: str) -> tuple[str, dict[str, Any]]:
    session_id, links = stack.ask(task)
    stack.post_form(links["approve"], decision="approved")
    stack.wait_until_completed(session_id)
    items = stack.dynamodb.scan(TableName=stack.description["tables"]["posts"])["Items"]
    return session_id, next(i for i in items if task in i["content"]["S"])


def _die(stack: LocalStack, body: str) -> str:
    """Has SQS itself move a message to the dead-letter queue; returns the id that it was given.

    The agent does not listen meanwhile, and the second receive is one too many.
    """
    url = stack.description["queue_url"]
    policy = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    once = json.loads(policy["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": 1}
    with _without_agent(stack):
        try:
            stack.sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(once)}
            )
            message_id = stack.send(body)

            def is_dead() -> bool:
                stack.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
                return stack.messages_in("dead_letter_queue_url") == 1

            wait_until(is_dead)
        finally:
            stack.sqs.set_queue_attributes(QueueUrl=url, Attributes=policy["Attributes"])
    return message_id


def _bury(stack: LocalStack, body: str, **attributes: str) -> None:
    """Puts a dead letter where it would lie."""
    stack.wait_until_quiet()
    stack.sqs.send_message(
        QueueUrl=stack.description["dead_letter_queue_url"],
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def _update(
    stack: LocalStack, approval: dict[str, Any], expression: str, values: dict[str, str]
) -> None:
    stack.dynamodb.update_item(
        TableName=stack.description["tables"]["approvals"],
        Key={name: approval[name] for name in ("session_id", "tool_use_id")},
        UpdateExpression=expression,
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
    )


def _delete(stack: LocalStack, table: str, **key: str) -> None:
    stack.dynamodb.delete_item(
        TableName=stack.description["tables"][table],
        Key={name: {"S": value} for name, value in key.items()},
    )
