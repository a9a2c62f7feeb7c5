"""A world with an approval in every state, that can be put back as it was."""

import copy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

import agent_definition
import agent_handler
import operator_services
from core_samples import NOW, asked, job
from longrunning.agent.long_running import LongTool, long_running
from longrunning.messages import Parent, tool_result
from longrunning.people.directory import Person
from longrunning.people.links import LinkKeys, make_token
from longrunning.sessions import WAITING, PendingToolUse, Session, SessionStore
from longrunning.waits.item import Wait
from wait_store import WaitStore
from world import LINK_KEYS, World, make_world

KEYS = LinkKeys(LINK_KEYS["current"], {"k1": LINK_KEYS["k1"].encode()})
JOB = "mine"
_BY = (agent_definition.AGENT_NAME,)
_END = NOW + 86_400

ANSWERED = ("status", "decided_at", "result")
"""What an answer over HTTP may set on a wait."""

DECIDED = (
    "status", "decision", "decided_by", "decided_at", "decided_month", "comment", "edited_content",
    "digest",
)  # fmt: skip
"""What a decision may set on an approval."""

MOVED = (
    "decide_by", "first_decide_by", "remind_at", "planned_remind_at", "escalate_at", "due_at",
    "asked_again_by",
)  # fmt: skip
"""What more time, or its e-mail again, may set on an approval."""

ANN = Person("ann", "Ann", "ann@example.com", "assumed-role/Operators/ann")
"""The one who signs."""


@dataclass
class Furnished:
    """The world and what stands in it.

    Attributes:
        world: Its clock stands at `NOW`.
        approvals: By name: `waiting`, `approved`, `denied`, `cancelled`, `expired` (nobody decided
            in time), `named` (asked of `ANN`), `job` (no approval), `unknown` (not stored at all).
        session_id: Of a session that the agent has paused, waiting for `ask-1`.
        looking: Of one that waits for the job `mine` of the tool `encode`, which is asked.
        child: Of one that was asked for by another agent, which waits for it by `parent`.
    """

    world: World
    approvals: dict[str, Wait]
    session_id: str
    looking: Wait
    child: str
    parent: Parent
    _kept: Any = None
    _stored: dict[str, Any] = field(default_factory=dict)

    def token(self, name: str) -> str:
        """The token of an approval's links."""
        approval = self.approvals[name]
        ids = (approval.session_id, approval.tool_use_id)
        return make_token(KEYS, *ids, max(approval.decide_by, NOW + 1_000))

    def keep(self) -> None:
        """Notes how everything stands."""
        pocket = self.world.pocket
        queues = {url: list(queue.messages) for url, queue in pocket.sqs.queues.items()}
        self._kept = copy.deepcopy((pocket.dynamodb.tables, queues))
        self._stored = self._look()

    def put_back(self) -> None:
        """Makes everything stand as it was kept."""
        tables, queues = copy.deepcopy(self._kept)
        self.world.pocket.dynamodb.tables = tables
        for url, messages in queues.items():
            self.world.pocket.sqs.queues[url].messages = messages
        self._stored["mails"] = self._mails()

    def changes(self) -> dict[str, Any]:
        """What is not as it was kept: items by table and key, and numbers of messages."""
        now, changes = self._look(), {}
        for place in self._stored.keys() | now.keys():
            before, after = self._stored.get(place), now.get(place)
            if before != after:
                changes[place] = (before, after)
        return changes

    def _look(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for table, items in self.world.snapshot().items():
            if table == "queued":
                found["queued"] = int(items["ApproximateNumberOfMessages"])
                continue
            name = self.world.env[table]
            keys = self.world.pocket.dynamodb.tables[name].main.keys
            found |= {"/".join([table, *(i[k]["S"] for k in keys)]): i for i in items}
        letters = self.world.pocket.sqs.queues[self.world.env["DEAD_LETTER_QUEUE_URL"]].messages
        return found | {"letters": len(letters), "mails": self._mails()}

    def _mails(self) -> int:
        return sum(len(t.published) for t in self.world.pocket.sns.topics.values())


def furnish(patch: pytest.MonkeyPatch) -> Furnished:
    """Makes the world."""
    patch.setenv("LOG_LEVEL", "CRITICAL")
    world = make_world(patch)
    patch.setattr(agent_handler.time, "sleep", lambda seconds: None)  # Its clock stands.
    patch.setattr(operator_services, "read_people", lambda: {ANN.id: ANN})
    patch.setenv("MODEL_ID", "scripted")
    patch.setattr(agent_definition, "LONG_TOOLS", (*agent_definition.LONG_TOOLS, _encode()))
    session_id = world.start("Announce the blue unicorn", session_id="a-real-session")
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    approvals = {name: _asked(name) for name in ("waiting", "approved", "denied", "cancelled")}
    approvals["expired"] = _asked("expired", decide_by=NOW - 10)
    approvals["named"] = _asked("named", approvers=[ANN.id])
    approvals["job"] = job(session_id="a-job", due_at=NOW + 9)
    for approval in approvals.values():
        store.put_if_absent(approval)
    for decision in ("approved", "denied"):
        ids = (approvals[decision].session_id, approvals[decision].tool_use_id)
        store.decide(*ids, decision, decided_by="link", now=NOW)
    ids = (approvals["cancelled"].session_id, approvals["cancelled"].tool_use_id)
    store.cancel(*ids, decided_by="iam:user/ann", now=NOW)
    approvals["unknown"] = _asked("unknown")
    looking = _waiting(world, Wait("a-looking-session", "job-1", *_BY, "encode", NOW, _END))
    child = Parent("a-parent-session", "agent-1", "ask_agent", _END, 1)
    ids = (child.session_id, child.tool_use_id)
    asking = _waiting(world, Wait(*ids, *_BY, "ask_agent", NOW, _END))
    _waiting(world, Wait(asking.name, "job-1", *_BY, "encode", NOW, _END), child)
    furnished = Furnished(world, approvals, session_id, looking, asking.name, child)
    furnished.keep()
    return furnished


def _asked(name: str, **changes: Any) -> Wait:
    return asked(session_id=f"s-{name}", tool_use_id=f"t-{name}", due_at=NOW + 60, **changes)


def _encode() -> LongTool:
    """A tool whose source has no result, and knows one job, by its own name."""

    @long_running(within=timedelta(days=1))
    def encode(wait: Wait) -> None:
        """Encodes a video."""

    @encode.look
    def look() -> None:
        """Nothing yet."""

    @encode.locate
    def locate(about: str) -> tuple[str, str]:
        if about != JOB:
            raise ValueError("no such job")
        return "a-looking-session", "job-1"

    return encode


def _waiting(world: World, wait: Wait, parent: Parent | None = None) -> Wait:
    """Stores a session that waits, and its record."""
    use = {"toolUseId": wait.tool_use_id, "name": wait.tool_name, "input": {}}
    result = tool_result(wait.tool_use_id, "success", "Waiting.")
    messages: list[Any] = [
        {"role": "user", "content": [{"text": "Encode it"}]},
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    pending = PendingToolUse(wait.tool_use_id, wait.tool_name, look_at=NOW + 300)
    env = world.env
    store = SessionStore(
        world.aws["dynamodb"], env["SESSIONS_TABLE_NAME"], world.aws["s3"], env["STATE_BUCKET_NAME"]
    )
    store.create(
        Session(
            wait.session_id,
            wait.agent_name,
            messages,
            WAITING,
            (pending,),
            paused_at=wait.requested_at,
            paused_by="an-earlier-message",
            expires_at=_END,
            parent=parent,
        )
    )
    waits = WaitStore(world.aws["dynamodb"], env["APPROVALS_TABLE_NAME"])
    waits.put_if_absent(replace(wait, remind_at=NOW + 300, due_at=NOW + 300))
    return wait
