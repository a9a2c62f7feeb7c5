"""A world with an approval in every state, that can be put back as it was."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

import agent_handler
from core_samples import NOW, asked, job
from longrunning.people.links import LinkKeys, make_token
from longrunning.waits.item import Wait
from wait_store import WaitStore
from world import LINK_KEYS, World, make_world

KEYS = LinkKeys(LINK_KEYS["current"], {"k1": LINK_KEYS["k1"].encode()})
DECIDED = ("status", "decision", "decided_by", "decided_at", "comment", "edited_content", "digest")
"""What a decision may set on an approval."""


@dataclass
class Furnished:
    """The world and what stands in it.

    Attributes:
        world: Its clock stands at `NOW`.
        approvals: By name: `waiting`, `approved`, `denied`, `cancelled`, `expired` (nobody decided
            in time), `job` (a tool that is no approval), `unknown` (not stored at all).
        session_id: Of a session that the agent has paused, waiting for `ask-1`.
    """

    world: World
    approvals: dict[str, Wait]
    session_id: str
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
    patch.setenv("MODEL_ID", "scripted")
    session_id = world.start("Announce the blue unicorn", session_id="a-real-session")
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    approvals = {name: _asked(name) for name in ("waiting", "approved", "denied", "cancelled")}
    approvals["expired"] = _asked("expired", decide_by=NOW - 10)
    approvals["job"] = job(session_id="a-job", due_at=NOW + 9)
    for approval in approvals.values():
        store.put_if_absent(approval)
    for decision in ("approved", "denied"):
        ids = (approvals[decision].session_id, approvals[decision].tool_use_id)
        store.decide(*ids, decision, decided_by="link", now=NOW)
    ids = (approvals["cancelled"].session_id, approvals["cancelled"].tool_use_id)
    store.cancel(*ids, decided_by="iam:user/ann", now=NOW)
    approvals["unknown"] = _asked("unknown")
    furnished = Furnished(world, approvals, session_id)
    furnished.keep()
    return furnished


def _asked(name: str, **changes: Any) -> Wait:
    return asked(session_id=f"s-{name}", tool_use_id=f"t-{name}", due_at=NOW + 60, **changes)
