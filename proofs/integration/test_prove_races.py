"""Races on ministack: many at once, exactly one winner, equal answers, one post.

The functions' real handlers, in threads of this process, against tables and queues of their own.
All who race have read before any of them writes: they meet at the write. On moto two racing
conditional writes can both win; so nothing of this runs there.
"""

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from botocore.config import Config
from botocore.useragent import UserAgentString
from operate.ledger import Ledger, settled
from operate.reading import Reader
from operate.receivers import RECEIVERS
from operate.stacks import Stack

import agent_handler
import approval_services
import aws_template
import publish_post
import sweeper_handler
from converse_stand_in import Block, Request, text, tool_use
from local_stack import LocalStack, wait_until
from longrunning.messages import build_new
from longrunning.people.links import LinkKeys, make_token, review_url
from longrunning.waits.item import Wait
from pocket import Clock
from prove_figures import progress, record, size
from wait_store import WaitStore
from world import (
    LINK_KEYS,
    SERVICES,
    TABLES,
    World,
    _send_to_unitok,
    forget_environments,
    set_environment,
)

CLICKERS = 64
SWEEP_FIELDS = ("expired", "reminded", "resent")
DECIDE_WITHIN_SECONDS = 3_600
LEASE_SECONDS = 200
"""More than any lease of a run here."""

MEETING_SECONDS = 120
"""For all threads to meet at a write: once, in a thousand rounds beside other work, 30 were too
few; on a quiet machine all rounds hold."""

CALLS_TO_PUBLISH = 3
"""Of the model: it asks, publishes, and says that it is done."""

T = TypeVar("T")
Record = dict[str, Any]


@dataclass
class Arena:
    """A world whose AWS is ministack; its clock is the test's."""

    world: World
    stack: Stack
    accepted: list[str] = field(default_factory=list)

    def ask(self) -> tuple[str, Wait]:
        """Starts a session; returns it and its question."""
        session_id = f"race-{uuid.uuid4().hex[:12]}"
        self.world.start("Announce the summer sale", session_id=session_id)
        self.accepted.append(session_id)
        return session_id, self.approval(session_id)

    def approval(self, session_id: str) -> Wait:
        """Returns the latest question of a session."""
        return max(self.world.approvals(session_id), key=lambda approval: approval.requested_at)

    def click(self, approval: Wait, **form: str) -> Callable[[], dict[str, Any]]:
        """Returns what clicks; people click again when they are told to."""
        ids = (approval.session_id, approval.tool_use_id)
        token = make_token(LinkKeys.parse(json.dumps(LINK_KEYS)), *ids, approval.decide_by)
        url = review_url("https://approvals.example.com", token, "approved")

        def click() -> dict[str, Any]:
            while (answer := self.world.click(url, **form))["status_code"] >= 500:
                pass
            return answer

        return click

    def sweep(self, seconds_ahead: float = 0, **changes: Any) -> Callable[[], dict[str, int]]:
        """Returns what sweeps, on a machine whose clock is ahead."""
        sweeper = replace(
            sweeper_handler._resources().sweeper,
            clock=lambda: self.world.clock() + seconds_ahead,
            **changes,
        )
        return lambda: sweeper.sweep(self.world.clock() + 60)

    def messages(self) -> list[Record]:
        """Takes all messages off the queue."""
        found: list[Record] = []
        while batch := self.world.receive_batch():
            found += batch
            handles = [message["receiptHandle"] for message in batch]
            self.world.aws["sqs"].delete_message_batch(
                QueueUrl=self.world.env["TASK_QUEUE_URL"],
                Entries=[{"Id": str(n), "ReceiptHandle": one} for n, one in enumerate(handles)],
            )
        return found

    def deliver_at_once(self, messages: Sequence[Record], write: str = "UpdateItem") -> None:
        """Hands messages to as many workers; what fails is delivered again, after its lease.

        The workers meet at the claim, or at another write.
        """
        with self.meeting(write, len(messages)):
            done = at_once([lambda m=message: self.world.handle(m) for message in messages])
        assert any(done), "nobody won"
        self.world.step(LEASE_SECONDS)
        for message, is_done in zip(messages, done, strict=True):
            assert is_done or self.world.handle(message, receive_count=2)

    @contextmanager
    def meeting(self, write: str, parties: int) -> Iterator[Callable[[], int]]:
        """Holds the first writes of a kind until all of them are there; yields how many are."""
        barrier, arrivals = threading.Barrier(parties), itertools.count(1)

        def meet(**_: Any) -> None:
            if next(arrivals) <= parties:
                barrier.wait(MEETING_SECONDS)

        name = f"provide-client-params.dynamodb.{write}"
        with ExitStack() as undo:
            for client in self.clients:
                client.meta.events.register(name, meet)
                undo.callback(client.meta.events.unregister, name, meet)
            yield lambda: barrier.n_waiting
        assert not barrier.broken
        assert next(arrivals) > parties, "they did not meet"

    @property
    def clients(self) -> list[Any]:
        """Where the functions write, each through a DynamoDB client of its own."""
        return [
            agent_handler._resources().worker.claims._client,
            approval_services.services().approvals._client,
            sweeper_handler._resources().sweeper.approvals._client,
        ]

    def ledger(self) -> Ledger:
        """Counts the law over everything that happened here."""
        _, ledger = settled(Reader(self.stack), frozenset(self.accepted))
        assert ledger.holds, ledger.violations
        assert ledger.unnamed == 0
        return ledger


@pytest.fixture
def arena(stack: LocalStack) -> Iterator[Arena]:
    """Tables and queues of its own, so that no function of the stack acts on them."""
    with pytest.MonkeyPatch.context() as patch, _own_resources(stack) as (aws, made):
        clock = Clock()
        patch.setattr("time.time", clock)
        patch.setattr("time.time_ns", clock.time_ns)
        # Nobody has to read these e-mails: they wait for no pace. The clock stands still meanwhile.
        unhurried = SimpleNamespace(time=clock, sleep=lambda _: None)
        patch.setattr(agent_handler, "time", unhurried)
        # More than ten clicks at once would each connect anew.
        patch.setitem(Config.OPTION_DEFAULTS, "max_pool_connections", CLICKERS)
        # Botocore puts it together for each call anew, which takes a tenth of it.
        patch.setattr(UserAgentString, "to_string", cache(UserAgentString.to_string))
        patch.setattr(publish_post, "_send", _send_to_unitok)
        env = set_environment(patch, made, "")
        env |= {
            "AWS_ENDPOINT_URL": stack.description["endpoint_url"],
            "AWS_DEFAULT_REGION": stack.description["region"],
            "AWS_ACCESS_KEY_ID": stack.description["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": stack.description["secret_access_key"],
            "DECIDE_WITHIN_SECONDS": str(DECIDE_WITHIN_SECONDS),
        }
        for name, value in env.items():
            patch.setenv(name, value)
        patch.delenv("AWS_SESSION_TOKEN")
        world = World(aws, env, patch, None, clock)  # type: ignore[arg-type]
        *names, posts = [made[name] for name in TABLES]
        receivers = {"publish_post": replace(RECEIVERS["publish_post"], table=posts)}
        urls = [made["TASK_QUEUE_URL"], made["DEAD_LETTER_QUEUE_URL"]]
        clients = (aws["dynamodb"], aws["sqs"], aws["s3"])
        world.play(_one_post)
        stack = (*clients, *names, receivers, made["STATE_BUCKET_NAME"], *urls)
        yield Arena(world, Stack("race", *stack))
    forget_environments()


def test_64_posts_of_one_link_at_once_are_one_decision(arena: Arena) -> None:
    rounds = size(short=2, long=1_000)
    for _ in progress(range(rounds), rounds, "races, 64 posts of one link"):
        session_id, approval = arena.ask()
        clicks = [
            arena.click(approval, decision="approved", comment=f"by {number}")
            for number in range(CLICKERS)
        ]
        with arena.meeting("UpdateItem", CLICKERS):
            answers = at_once(clicks)
        assert answers == [answers[0]] * CLICKERS
        assert answers[0]["status_code"] == 200
        decided = arena.approval(session_id)
        assert (decided.status, decided.comment) == ("APPROVED", answers[0]["comment"])
        messages = arena.messages()
        assert len(messages) >= CLICKERS, "each click sends one; a client that waits long, another"
        arena.deliver_at_once(messages[:4])
        assert arena.approval(session_id).fence == 1
    assert len(arena.world.stand_in.requests) == CALLS_TO_PUBLISH * rounds
    ledger = arena.ledger()
    assert ledger.posts == ledger.tasks["completed"] == rounds
    record("races", rounds_of_64_posts=rounds)


def test_approve_against_deny_has_one_winner_whom_all_are_told(arena: Arena) -> None:
    rounds = size(short=5, long=1_000)
    winners = []
    for _ in progress(range(rounds), rounds, "races, approve against deny"):
        session_id, approval = arena.ask()
        wanted = ["approved", "denied"] * 2
        with arena.meeting("UpdateItem", len(wanted)):
            answers = at_once([arena.click(approval, decision=word) for word in wanted])
        winner = arena.approval(session_id).decision
        assert {answer["decision"] for answer in answers} == {winner}
        for decision, answer in zip(wanted, answers, strict=True):
            assert answer["status_code"] == (200 if decision == winner else 409)
        messages = arena.messages()
        assert len(messages) == 2
        arena.deliver_at_once(messages)
        winners.append(winner)
    ledger = arena.ledger()
    assert ledger.posts == winners.count("approved")
    assert ledger.tasks["denied"] == winners.count("denied")
    record("races", rounds_of_approve_against_deny=rounds)


def test_sweeper_against_click_at_the_end_of_time_has_one_winner(arena: Arena) -> None:
    """Their clocks differ by a second, so that it is over for the one and not for the other."""
    rounds = size(short=5, long=1_000)
    expired = 0
    for _ in progress(range(rounds), rounds, "races, sweeper against click"):
        session_id, approval = arena.ask()
        arena.world.step(DECIDE_WITHIN_SECONDS - 1)
        racers = [arena.sweep(seconds_ahead=1), arena.click(approval, decision="approved")]
        with arena.meeting("UpdateItem", len(racers)):
            swept, clicked = at_once(racers)
        is_expired = arena.approval(session_id).status == "EXPIRED"
        assert swept["expired"] == is_expired
        assert clicked["status_code"] == (410 if is_expired else 200)
        [message] = arena.messages()
        arena.deliver_at_once([message, message])
        expired += is_expired
    ledger = arena.ledger()
    assert (ledger.tasks["expired"], ledger.posts) == (expired, rounds - expired)
    record("races", rounds_of_sweeper_against_click=rounds)


def test_two_sweepers_do_each_thing_once(arena: Arena) -> None:
    rounds = size(short=3, long=1_000)
    mails: list[str] = []
    sweep = arena.sweep(notify=lambda approval, occasion: mails.append(occasion))
    for number in progress(range(1, rounds + 1), rounds, "races, two sweepers"):
        _, approval = arena.ask()
        arena.world.step(DECIDE_WITHIN_SECONDS // 2)
        assert _sweep_twice(arena, sweep) == {"expired": 0, "reminded": 1, "resent": 0}
        assert mails == ["reminder"] * number
        _decide_without_telling(arena, approval)
        arena.world.step(121)
        assert _sweep_twice(arena, sweep) == {"expired": 0, "reminded": 0, "resent": 1}
        [message] = arena.messages()
        arena.deliver_at_once([message, message])
        arena.ask()
        arena.world.step(DECIDE_WITHIN_SECONDS + 1)
        assert _sweep_twice(arena, sweep) == {"expired": 1, "reminded": 0, "resent": 0}
        arena.deliver_at_once(arena.messages())
    ledger = arena.ledger()
    assert ledger.posts == ledger.tasks["completed"] == ledger.tasks["expired"] == rounds
    record("races", rounds_of_two_sweepers=rounds)


def test_two_workers_on_one_message_are_one_session_and_one_post(arena: Arena) -> None:
    rounds = size(short=3, long=1_000)
    for _ in progress(range(rounds), rounds, "races, two workers on one message"):
        session_id = f"race-{uuid.uuid4().hex[:12]}"
        arena.accepted.append(session_id)
        arena.world.send(build_new("Announce the summer sale", session_id))
        [task] = arena.messages()
        arena.deliver_at_once([task, task], "PutItem")
        [approval] = arena.world.approvals(session_id)
        arena.click(approval, decision="approved")()
        [decision] = arena.messages()
        arena.deliver_at_once([decision, decision])
        assert arena.world.session(session_id).version == 2
    ledger = arena.ledger()
    assert ledger.posts == ledger.tasks["completed"] == rounds
    record("races", rounds_of_two_workers_on_one_message=rounds)


def test_a_worker_whose_lease_is_over_loses_to_the_one_that_took_over(arena: Arena) -> None:
    """Both have the turn claimed, both have published; they meet at the save."""
    rounds = size(short=2, long=1_000)
    for _ in progress(range(rounds), rounds, "races, a worker taken over"):
        session_id, approval = arena.ask()
        arena.click(approval, decision="approved")()
        [decision] = arena.messages()
        with arena.meeting("PutItem", 2) as waiting:

            def take_over(waiting: Callable[[], int] = waiting, message: Record = decision) -> bool:
                wait_until(lambda: waiting() == 1)
                arena.world.step(LEASE_SECONDS)
                return arena.world.handle(message, receive_count=2)

            done = at_once([lambda message=decision: arena.world.handle(message), take_over])
        assert done == [False, True]
        assert arena.world.handle(decision, receive_count=3)
        assert arena.approval(session_id).fence == arena.world.session(session_id).version == 2
    ledger = arena.ledger()
    assert ledger.posts == ledger.tasks["completed"] == rounds
    record("races", rounds_of_a_worker_taken_over=rounds)


def test_two_workers_on_two_messages_of_one_turn_publish_each_once(arena: Arena) -> None:
    rounds = size(short=2, long=1_000)
    arena.world.play(_two_posts_in_one_turn)
    for _ in progress(range(rounds), rounds, "races, two messages of one turn"):
        session_id, _ = arena.ask()
        both = arena.world.approvals(session_id)
        assert len(both) == 2
        for answer in at_once([arena.click(one, decision="approved") for one in both]):
            assert answer["status_code"] == 200
        messages = arena.messages()
        assert len(messages) == 2
        arena.deliver_at_once(messages, "TransactWriteItems")
        assert [one.status for one in arena.world.approvals(session_id)] == ["SPENT", "SPENT"]
        assert arena.world.session(session_id).version == 2
    assert len(arena.world.stand_in.requests) == 2 * rounds
    ledger = arena.ledger()
    assert (ledger.posts, ledger.tasks["completed"]) == (2 * rounds, rounds)
    record("races", rounds_of_two_messages_of_one_turn=rounds)


def at_once(actions: Sequence[Callable[[], T]]) -> list[T]:
    """Does things in as many threads, which begin at the same moment."""
    barrier = threading.Barrier(len(actions))

    def begin(action: Callable[[], T]) -> T:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(begin, actions))


def _sweep_twice(arena: Arena, sweep: Callable[[], dict[str, int]]) -> dict[str, int]:
    with arena.meeting("UpdateItem", 2):
        swept = at_once([sweep, sweep])
    assert not any(one["failed"] for one in swept)
    return {name: sum(one[name] for one in swept) for name in SWEEP_FIELDS}


def _decide_without_telling(arena: Arena, approval: Wait) -> None:
    """As an API that dies between record and message."""
    store = WaitStore(arena.world.aws["dynamodb"], arena.world.env["APPROVALS_TABLE_NAME"])
    ids = (approval.session_id, approval.tool_use_id)
    store.decide(*ids, "approved", decided_by="link", now=int(arena.world.clock()))


def _one_post(request: Request) -> str | list[Block]:
    """Asks, publishes what was approved, stops otherwise. Every call names its tool uses anew, as
    real models do: two runs of one task ask two questions.
    """
    name, blocks = uuid.uuid4().hex, request["messages"][-1]["content"]
    if "toolResult" not in blocks[0]:
        return [tool_use(name, "human_approval", {"content": f"Post {name}"})]
    said = blocks[0]["toolResult"]["content"][0]["text"]
    if '"decision": "approved"' not in said:
        return "Done."
    return [tool_use(name, "publish_post", {"content": json.loads(said)["content"]})]


def _two_posts_in_one_turn(request: Request) -> str | list[Block]:
    if len(request["messages"]) > 1:
        return "Both are out."
    name = uuid.uuid4().hex
    return [text("Two posts."), *(
        tool_use(f"{name}-{n}", "publish_post", {"content": f"Post {n} of {name}"}) for n in (1, 2)
    )]  # fmt: skip


@contextmanager
def _own_resources(stack: LocalStack) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Makes what the functions need; yields clients, and the environment that names it all."""
    name = f"race-{uuid.uuid4().hex[:8]}"
    with ExitStack() as undo:
        aws = {service: stack.client(service) for service in SERVICES}
        for client in aws.values():
            undo.callback(client.close)
        made = {}
        for variable, logical_id in TABLES.items():
            table = aws_template.table_properties(logical_id)
            made[variable] = f"{name}-{table['TableName']}"
            aws["dynamodb"].create_table(**table | {"TableName": made[variable]})
            undo.callback(aws["dynamodb"].delete_table, TableName=made[variable])
        for variable in ("TASK_QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
            queue = aws["sqs"].create_queue(QueueName=f"{name}-{variable[:4].lower()}")
            made[variable] = queue["QueueUrl"]
            undo.callback(aws["sqs"].delete_queue, QueueUrl=made[variable])
        for variable in ("APPROVAL_TOPIC_ARN", "ESCALATION_TOPIC_ARN"):
            topic = aws["sns"].create_topic(Name=f"{name}-{variable[:4].lower()}")
            made[variable] = topic["TopicArn"]
            undo.callback(aws["sns"].delete_topic, TopicArn=made[variable])
        secret = aws["secretsmanager"].create_secret(Name=name, SecretString=json.dumps(LINK_KEYS))
        aws["s3"].create_bucket(Bucket=name)
        undo.callback(aws["s3"].delete_bucket, Bucket=name)
        yield aws, made | {"LINK_KEYS_SECRET_ARN": secret["ARN"], "STATE_BUCKET_NAME": name}
