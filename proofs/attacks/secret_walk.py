"""Walks every path there is, with every secret marked, in a process of its own.

Run by test_prove_secrets.py, which reads all that this prints and traces: X-Ray's SDK reads the
environment when it is imported, and what it patches stays patched. As in Lambda, the root logger
writes warnings, and what a handler raises is logged with its traceback. What was marked goes to
the file that the one argument names.

The faults are worse than AWS's own: each quotes the whole request that failed.
"""

import json
import logging
import os
import sys
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import botocore.client
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from strands.tools.tools import PythonAgentTool

import agent_definition
import agent_handler
import approval_handler
import approval_services
import operator_handler
import operator_services
from converse_stand_in import Block, Turn, tool_use
from inbox_browser import Browser, sign_in_link
from longrunning import ask_human, tracing
from longrunning.agent.long_running import (
    CannotStart,
    LongTool,
    NoNeedToWait,
    Result,
    long_running,
    pause,
)
from longrunning.messages import (
    MAX_CONTENT_BYTES,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from longrunning.observability import get_logger, put_metric
from longrunning.people.directory import Person
from longrunning.people.links import LinkKeys, make_token
from longrunning.people.policy import Policy
from longrunning.waits.item import Call, Wait
from oidc_stand_in import CLIENT_ID, serve_issuer
from pocket import clients_made_once
from recording_receiver import RecordingReceiver
from sample_people import set_people
from world import Mail, World, forget_environments, http_event, make_world

ASK, PUBLISH, JOB = "human_approval", "publish_post", "render_video"
HERE = "http://localhost:3000"
ROUNDS = 2
"""How often each operation fails in each walk."""

OPERATIONS = (
    "ChangeMessageVisibility", "DeleteObject", "GetItem", "GetObject", "GetSecretValue",
    "GetTopicAttributes", "PutItem", "PutObject", "Publish", "Query", "SendEmail", "SendMessage",
    "TransactWriteItems", "UpdateItem",
)  # fmt: skip

KEYS = {"current": "k1"}


class Marks:
    """Makes secrets that can be told from anything else, and keeps them by kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[str]] = {}

    def make(self, kind: str) -> str:
        """Returns a new secret; it stays as it is in JSON, in a form, in a URL and in a header."""
        return self.keep(kind, f"{kind}-{uuid.uuid4().hex}")

    def keep(self, kind: str, secret: str) -> str:
        self.kinds.setdefault(kind, []).append(secret)
        return secret


class Walk:
    """A world, and people and a model in it who say nothing that is not marked."""

    def __init__(self, world: World, marks: Marks) -> None:
        self.world = world
        self.mark = marks.make
        self._marks = marks
        self.failing: dict[str, int] = {}
        self._is_running = False
        self._real_call = botocore.client.BaseClient._make_api_call

    # --- what happens ----------------------------------------------------------------------------

    def task(self, *turns: Turn, **fields: str) -> None:
        """Sends a task; the model plays these turns, then says that it is done."""
        played = iter(turns)
        self.world.play(lambda request: next(played, self.mark("words")))
        self.world.send(build_new(self.mark("task"), **fields))
        self.deliver()

    def ask(self, **arguments: str) -> Block:
        """The model asks for approval of a draft."""
        given = {"content": self.mark("draft"), "arguments": arguments}
        return tool_use(f"tooluse_{uuid.uuid4().hex}", ASK, given)

    def publish(self, content: str | None = None, **arguments: Any) -> Block:
        """The model publishes a draft."""
        given = {"content": content or self.mark("draft"), **arguments}
        return tool_use(f"tooluse_{uuid.uuid4().hex}", PUBLISH, given)

    def deliver(self) -> None:
        """Delivers until the queue is empty."""
        self.run(self.world.deliver_until_quiet)
        self.read_mail()

    def sweep_after(self, seconds: float) -> None:
        """Lets time pass, and sweeps."""
        self.world.step(seconds)
        self.run(self.world.sweep)
        self.deliver()

    def read_mail(self) -> list[Mail]:
        """Reads what was sent; all of it is secret, line by line, but for what is said to all."""
        topics = ("APPROVAL_TOPIC_ARN", "ESCALATION_TOPIC_ARN")
        mails = [mail for topic in topics for mail in self.world.read_mail(topic)]
        for mail in mails:
            for url in mail.links.values():
                token = urlsplit(url).path.rpartition("/")[2]
                for secret in (token, *token.split(".")):
                    self._marks.keep("link", secret)
            self._marks.keep("mail", "was written by the agent")
            self._marks.keep("mail", "nothing is decided before you press a button")
        return mails

    def click(self, **form: str) -> None:
        """Decides on what was asked for last, by its e-mail."""
        url = self.world.mails[-1].links["approve"]
        self.decide(url, **form)
        self.deliver()

    def decide(self, url: str, **form: str) -> None:
        """Sends a decision to a link."""
        self.run(lambda: self.world.request("POST", url, form, "text/html"))

    def token(self, session_id: str, tool_use_id: str) -> str:
        """Returns the token by which a system answers a wait; it is as secret as a link."""
        secret_id = os.environ["LINK_KEYS_SECRET_ARN"]
        secret = self.world.aws["secretsmanager"].get_secret_value(SecretId=secret_id)
        keys = LinkKeys.parse(secret["SecretString"])
        token = make_token(keys, session_id, tool_use_id, int(self.world.clock()) + 1_000)
        return self.keep_token(token)

    def keep_part_of(self, html: str) -> None:
        """Marks what stands in each HTML e-mail alone."""
        part = 'role="presentation" width="600"'
        assert part in html
        self._marks.keep("mail", part)

    def keep_token(self, token: str) -> str:
        """Marks a token, and each part of it."""
        for part in (token, *token.split(".")):
            self._marks.keep("link", part)
        return token

    def call_back(self, token: str, document: Any) -> None:
        """Sends what a system answers."""
        url = urlsplit(f"https://approvals.example.com/callbacks/{token}")
        headers = {"content-type": "application/json", "user-agent": self.mark("input")}
        event = http_event("POST", url, headers, json.dumps(document))
        self.run(lambda: approval_handler.handler(event, self.world.context))
        self.deliver()

    def approve(self) -> None:
        self.click(decision="approved", comment=self.mark("comment"))

    def last_ids(self) -> tuple[str, str]:
        """The session and the tool use of what was asked for last."""
        table = self.world.env["APPROVALS_TABLE_NAME"]
        items = self.world.aws["dynamodb"].scan(TableName=table)["Items"]
        asked = [item for item in items if "requested_at" in item]
        last = max(asked, key=lambda item: int(item["requested_at"]["N"]))
        return last["session_id"]["S"], last["tool_use_id"]["S"]

    def operate(self, method: str, path: str, document: Any = None) -> None:
        """Sends an operator's request."""
        url = urlsplit(f"https://approvals.example.com/operator/{path}")
        body = None if document is None else json.dumps(document)
        event = http_event(method, url, {"content-type": "application/json"}, body, iam=True)
        self.run(lambda: operator_handler.handler(event, self.world.context))
        self.deliver()

    def sign(self, comment: str) -> None:
        """Decides what was asked for last as who signs; at first the agent cannot be told."""
        ids = dict(zip(("session_id", "tool_use_id"), self.last_ids(), strict=True))
        for seen in (self.mark("seen"), "0" * 64):
            said = {"decision": "denied", "comment": comment, "seen": seen}
            self.failing["SendMessage"] = 1
            self.operate("POST", "decide", {**ids, **said})
            self.operate("POST", "decide", {**ids, **said, self.mark("field"): 1})
        self.failing.pop("SendMessage", None)

    def run(self, handle: Callable[[], Any]) -> None:
        """Has a handler do something. What it raises, the runtime logs; its calls may fail."""
        self._is_running = True
        try:
            handle()
        except Exception:
            traceback.print_exc()
        self._is_running = False

    # --- what fails ------------------------------------------------------------------------------

    def call_or_fail(self, client: Any, operation: str, params: dict[str, Any]) -> Any:
        """Stands in for botocore's call of a client."""
        if self._is_running and self.failing.get(operation, 0) > 0:
            self.failing[operation] -= 1
            quoted = json.dumps(params, default=repr, ensure_ascii=False)
            if self.failing[operation] % 2:
                raise ParamValidationError(report=quoted)
            raise ClientError({"Error": {"Code": "Refused", "Message": quoted}}, operation)
        return self._real_call(client, operation, params)


# --- the paths -----------------------------------------------------------------------------------


def approved(walk: Walk) -> None:
    ask = walk.ask(author=walk.mark("draft"))
    walk.task([ask], [walk.publish(**ask["toolUse"]["input"]["arguments"]),
                      walk.publish(ask["toolUse"]["input"]["content"])])  # fmt: skip
    walk.approve()
    walk.click(decision="approved")
    walk.click(decision="denied", comment=walk.mark("comment"))


def approved_and_published(walk: Walk) -> None:
    ask = walk.ask()
    walk.task([ask], [walk.publish(ask["toolUse"]["input"]["content"])])
    walk.approve()


def denied_then_edited(walk: Walk) -> None:
    walk.task([walk.ask()], [walk.ask()])
    walk.click(decision="denied", comment=walk.mark("comment"))
    walk.click(decision="approved", content=walk.mark("edit"))


def gated(walk: Walk) -> None:
    walk.task([walk.publish()])
    walk.approve()


def two_in_one_turn(walk: Walk) -> None:
    walk.task([walk.ask(), walk.publish(), walk.publish(shape=walk.mark("draft"))])
    for mail in walk.world.mails[-2:]:
        walk.decide(mail.links["approve"], decision="approved")
    walk.deliver()


def long_conversation(walk: Walk) -> None:
    """Its base goes to S3, and the one before is deleted."""
    ask = walk.ask()
    for _ in range(3):
        ask["toolUse"]["input"]["content"] += " " + walk.mark("draft") * 100
    walk.task([ask], [walk.ask()], [walk.ask()])
    for _ in range(3):
        walk.approve()


def expired(walk: Walk) -> None:
    """The reminder fails at first."""
    walk.task([walk.ask()])
    walk.failing["Publish"] = 1
    walk.sweep_after(1_801)
    walk.sweep_after(301)
    walk.sweep_after(1_500)
    walk.approve()


def escalated(walk: Walk) -> None:
    walk.world.monkeypatch.setenv("ON_SILENCE", "escalate")
    walk.task([walk.ask()])
    walk.sweep_after(1_801)
    walk.sweep_after(901)
    walk.sweep_after(901)
    walk.world.monkeypatch.setenv("ON_SILENCE", "deny")


def cancelled(walk: Walk) -> None:
    walk.task([walk.ask()])
    session_id, tool_use_id = walk.last_ids()
    order = {"session_id": session_id, "tool_use_id": tool_use_id, "comment": walk.mark("comment")}
    walk.operate("GET", "approvals")
    walk.operate("GET", f"history?session_id={session_id}")
    walk.failing["SendMessage"] = 1
    walk.operate("POST", "cancel", order)
    walk.operate("POST", "cancel", order)
    walk.operate("POST", "cancel", {**order, "comment": [walk.mark("comment")]})
    walk.operate("POST", "cancel", {**order, "tool_use_id": "another"})
    walk.operate("POST", "cancel", {**order, "tool_use_id": f"!{walk.mark('input')}"})
    walk.operate("GET", f"approvals?limit={walk.mark('input')}")
    walk.operate("GET", f"history?session_id={walk.mark('input')}")


def given_more_time(walk: Walk) -> None:
    """An operator looks at it whole, moves its end, has it sent again, and may not decide."""
    walk.task([walk.ask()])
    session_id, tool_use_id = walk.last_ids()
    order = {"session_id": session_id, "tool_use_id": tool_use_id}
    walk.operate("GET", f"approval?session_id={session_id}&tool_use_id={tool_use_id}")
    walk.operate("GET", f"approval?session_id={session_id}&tool_use_id={walk.mark('input')}")
    for hours in (1, 168, walk.mark("input")):
        walk.operate("POST", "extend", {**order, "hours": hours})
    walk.operate("POST", "resend", order)
    walk.operate("POST", "resend", {**order, walk.mark("field"): 1})
    for decision in ("approved", walk.mark("input")):
        said = {"comment": walk.mark("comment"), "seen": walk.mark("seen")}
        walk.operate("POST", "decide", {**order, **said, "decision": decision})
    walk.sweep_after(60)


def message_lost(walk: Walk) -> None:
    """The decision is recorded, its message is not: the sweeper sends it again."""
    walk.task([walk.ask()])
    walk.failing["SendMessage"] = 1
    walk.approve()
    walk.sweep_after(600)


def nobody_subscribed(walk: Walk) -> None:
    """A sweep finds that e-mails of both topics would reach nobody."""
    topics = walk.world.pocket.sns.topics.values()
    before = [topic.confirmed for topic in topics]
    for topic in topics:
        topic.confirmed = 0
    walk.sweep_after(60)
    for topic, confirmed in zip(topics, before, strict=True):
        topic.confirmed = confirmed


def session_gone(walk: Walk) -> None:
    """What no session waits on any more is closed."""
    walk.task([walk.ask()])
    session_id, _ = walk.last_ids()
    key = {"session_id": {"S": session_id}, "agent_name": {"S": agent_definition.AGENT_NAME}}
    walk.world.aws["dynamodb"].delete_item(TableName=walk.world.env["SESSIONS_TABLE_NAME"], Key=key)
    walk.sweep_after(60)


def other_tool(walk: Walk) -> None:
    """The result of a tool that is no approval comes twice, then a forged one, one too large."""
    walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {"title": walk.mark("draft")})])
    session_id, tool_use_id = walk.last_ids()
    for _ in range(2):
        result = tool_result(tool_use_id, "success", walk.mark("result"))
        walk.world.send(build_existing(session_id, JOB, [result]))
    result = tool_result(tool_use_id, "success", walk.mark("result"))
    walk.world.send(build_existing(session_id, ASK, [result]))
    walk.deliver()
    walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {"title": walk.mark("draft")})])
    session_id, tool_use_id = walk.last_ids()
    result = tool_result(tool_use_id, "success", walk.mark("result") + "x" * MAX_CONTENT_BYTES)
    walk.world.send(build_existing(session_id, JOB, [result]))
    walk.deliver()
    walk.task([walk.ask()])
    session_id, tool_use_id = walk.last_ids()
    result = tool_result(tool_use_id, "success", walk.mark("result"))
    walk.world.send(build_existing(session_id, ASK, [result]))
    walk.deliver()


def receiver_fails(walk: Walk, receiver: RecordingReceiver) -> None:
    """The receiver refuses, fails, hangs up; each answer quotes what it was sent."""
    for status in (422, 500, 302):
        receiver.status = status
        receiver.body = json.dumps({"error": walk.mark("answer")}).encode()
        receiver.headers = {"Location": f"https://trap.invalid/{walk.mark('answer')}"}
        gated(walk)
    receiver.hang_up = True
    gated(walk)
    receiver.hang_up, receiver.status = False, 201
    receiver.headers, receiver.body = {}, b'{"post_id": "17"}'


def model_fails(walk: Walk) -> None:
    """The model's faults quote the conversation; then what it says makes no sense."""
    quoting = {"Error": {"Code": "ValidationException", "Message": walk.mark("words")}}
    refusal = ClientError(quoting, "ConverseStream")
    walk.task(refusal, RuntimeError(walk.mark("words")), [walk.ask()], refusal, [walk.ask()])
    walk.approve()
    walk.task(
        [walk.publish(unicorn_color=walk.mark("draft"))],
        [tool_use("no_such", walk.mark("words")[:60], {"content": walk.mark("draft")})],
        [tool_use("not a key!"[:3], PUBLISH, {"content": [walk.mark("draft")]})],
        [walk.ask(unicorn_color=walk.mark("draft"))],
        [tool_use("empty", ASK, {walk.mark("draft"): 1})],
    )


def lease_kept(walk: Walk) -> None:
    """A run fails, and its lease cannot be given back."""
    walk.task([walk.ask()])
    quoting = iter([RuntimeError(walk.mark("words"))])

    def fall(request: Any) -> Any:
        if error := next(quoting, None):
            walk.failing["UpdateItem"] = 1
        return error or walk.mark("words")

    walk.world.play(fall)
    walk.approve()


def clicked_again(walk: Walk) -> None:
    """A second message comes while the first one's run goes on."""
    walk.task([walk.ask()])
    url = walk.world.mails[-1].links["approve"]
    for _ in range(2):
        walk.decide(url, decision="approved")
    first, second = walk.world.receive(), walk.world.receive()

    def second_comes(request: Any) -> Any:
        walk.world.play(lambda request: walk.mark("words"))
        walk.world.handle(second)
        return walk.mark("words")

    walk.world.play(second_comes)
    walk.run(lambda: walk.world.handle(first))


def not_started(walk: Walk) -> None:
    """The work of a tool cannot be started."""

    @long_running(within=timedelta(days=1))
    def render_video(wait: Wait, title: str) -> None:
        raise CannotStart(walk.mark("words"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent_definition, "OTHER_TOOLS", [])
        patch.setattr(agent_definition, "LONG_TOOLS", (render_video,))
        walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {"title": walk.mark("draft")})])


def not_stopped(walk: Walk) -> None:
    """The work of a tool that is cancelled cannot be stopped."""

    @long_running(within=timedelta(days=1))
    def render_video(wait: Wait, title: str) -> None:
        """Renders a video."""

    @render_video.cancel
    def stop() -> None:
        raise RuntimeError(walk.mark("words"))

    walk.world.step(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent_definition, "OTHER_TOOLS", [])
        patch.setattr(agent_definition, "LONG_TOOLS", (render_video,))
        walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {"title": walk.mark("draft")})])
        session_id, tool_use_id = walk.last_ids()
        walk.operate("POST", "cancel", {"session_id": session_id, "tool_use_id": tool_use_id})


def answered_by_a_person(walk: Walk) -> None:
    """A question is answered with a form, and again; one is declined."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent_definition, "OTHER_TOOLS", [ask_human])
        for decision in ("answered", "declined"):
            walk.world.step(1)
            given = {"question": walk.mark("question")}
            walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", "ask_human", given)])
            url = walk.world.mails[-1].links["answer"]
            form = {"answer.answer": walk.mark("answer")} if decision == "answered" else {}
            walk.decide(url, decision=decision, comment=walk.mark("comment"), **form)
            walk.decide(url, decision="answered", **{"answer.answer": walk.mark("answer")})
            walk.decide(url, decision="answered", **{walk.mark("field"): walk.mark("answer")})
            walk.deliver()


def asked_by_name(walk: Walk) -> None:
    """Two of two must agree: one edits, the other does not, a third has left; a policy fails."""
    people = {
        id_: Person(id_, walk.mark("name"), f"{walk.mark('address')}@example.com")
        for id_ in ("ann", "bob")
    }
    people["bob"] = people["bob"]._replace(iam="x")  # Who signs here.
    make = agent_definition.make_agents
    policies = iter([
        Policy(people=("ann", "bob"), needed=2), Policy(people=("gone",)),
        Policy.decide("approved", rule="all"),
    ])  # fmt: skip

    def policy(call: Call, requested_by: str | None) -> Policy:
        return next(policies, None) or Policy(people=("ann",))

    with pytest.MonkeyPatch.context() as patch:
        set_people(patch, people)
        patch.setattr(agent_definition, "make_agents", lambda *given: (
            replace(agent, policy=policy) for agent in make(*given)))  # fmt: skip
        for _ in range(3):
            walk.world.step(1)
            forget_environments()
            read = len(walk.world.mails)
            walk.task([walk.publish()], requested_by=walk.mark("requester"))
            links = {mail.to: mail.links["approve"] for mail in walk.world.mails[read:][-2:]}
            for id_, more in (("ann", {"content": walk.mark("edit")}), ("bob", {}), ("ann", {})):
                if url := links.get(id_):
                    seen = json.loads(walk.world.request("GET", url)["body"]).get("digest") or ""
                    more["comment"] = walk.mark("comment")
                    walk.decide(url, decision="approved", seen=seen, **more)
                    walk.decide(url, decision="approved", seen=walk.mark("seen"))
            walk.sign(walk.mark("comment"))
            walk.deliver()
            walk.sweep_after(60)
    forget_environments()


def decided_in_the_inbox(walk: Walk) -> None:
    """A person signs in, finds it, decides it by itself and with others; a stranger does not."""
    ann = Person("ann", walk.mark("name"), f"{walk.mark('address')}@example.com", iam="x")
    policy = Policy(people=("ann",), sign_in=True)
    make = agent_definition.make_agents
    with pytest.MonkeyPatch.context() as patch:
        set_people(patch, {"ann": ann})
        patch.setattr(agent_definition, "make_agents", lambda *given: (
            replace(agent, policy=lambda *_: policy) for agent in make(*given)))  # fmt: skip
        walk.world.step(1)
        forget_environments()
        browser, stranger = Browser(), Browser()
        for _ in range(2):
            walk.task([walk.publish()])
        for asking, address in ((stranger, walk.mark("address")), (browser, ann.email)):
            walk.run(partial(asking.ask, address))
        walk.run(partial(stranger.ask, ann.email))
        url = urlsplit("https://approvals.example.com/operator/inbox-link")
        signed = http_event("POST", url, {"accept": "application/json"}, None, iam=True)
        given = approval_handler.handler(signed, walk.world.context)["body"]
        walk.keep_token(json.loads(given)["url"].rpartition("/")[2])
        link = sign_in_link(walk.world)
        walk.keep_token(link.rpartition("/")[2])
        for asking in (stranger, browser):
            walk.run(partial(asking.get, link))
            walk.run(partial(asking.post, link))
            for cookie in asking.cookies.values():
                walk.keep_token(cookie)
        walk.run(partial(browser.get, f"/inbox?q={walk.mark('words')}"))
        first, second = browser.get().picks[:2]
        said = {"decision": "denied", "comment": walk.mark("comment")}
        walk.run(partial(browser.post, f"/inbox/approvals/{first}", **said))
        page = browser.post("/inbox/batch", [("pick", second)])
        fields = [("pick", second), ("seen", page.seen[0])]
        walk.run(partial(browser.post, "/inbox/decide", fields, **said))
        walk.run(partial(browser.get, "/inbox?view=decided"))
        walk.run(partial(browser.post, "/inbox/sign-out"))
        walk.deliver()
    forget_environments()


def signed_in_elsewhere(walk: Walk) -> None:
    """Somebody signs in at an issuer: as it should be, with what is wrong, and as nobody here."""
    ann = Person("ann", "Ann", "ann@example.com")
    with pytest.MonkeyPatch.context() as patch, serve_issuer() as issuer:
        set_people(patch, {"ann": ann})
        issuer.client_secret = walk.mark("secret-of-the-client")
        secrets = walk.world.pocket.secretsmanager
        for name, value in {
            "APPROVAL_BASE_URL": HERE,
            "OIDC_ISSUER": issuer.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET_ARN": secrets.add_secret("oidc", issuer.client_secret),
        }.items():
            patch.setenv(name, value)
        said = walk.mark("address")
        for claims in ({}, {"nonce": said}, {"email": said, "sub": said}, {"iss": said}):
            forget_environments()
            issuer.claims = claims
            browser = Browser(origin=HERE)
            gone = browser.send("GET", f"{HERE}/inbox/oidc")
            walk.keep_token(browser.cookies["__Host-gone"])
            back = issuer.authorize(gone.headers["location"])
            for value in dict(parse_qsl(urlsplit(back).query)).values():
                walk.keep_token(value)
            walk.failing["GetSecretValue"] = 1
            for _ in range(3):
                walk.run(partial(browser.get, back))
            for cookie in browser.cookies.values():
                walk.keep_token(cookie)
            wrong = f"{HERE}/inbox/oidc/callback?code={said}&state={said}&error={said}"
            walk.run(partial(browser.get, wrong))
        for failing in ({"error": said}, {"answers": {"/token": (500, {}, said.encode())}}):
            vars(issuer).update(**{"error": "", **failing})
            browser = Browser(origin=HERE)
            back = issuer.authorize(browser.send("GET", f"{HERE}/inbox/oidc").headers["location"])
            walk.run(partial(browser.get, back))
        for secret in issuer.issued:
            walk.keep_token(secret)
    forget_environments()


def told_by_letter(walk: Walk) -> None:
    """The same by SES, as HTML too; in its sandbox it refuses people, and says whom."""
    walk.world.with_mail_from()
    for is_sandbox in (True, False):
        walk.world.pocket.sesv2.is_sandbox = is_sandbox
        asked_by_name(walk)
    decided_in_the_inbox(walk)
    for sent in walk.world.pocket.sesv2.sent:
        walk.keep_part_of(sent.html)
    walk.world.monkeypatch.setenv("MAIL_FROM", "")
    forget_environments()


def answered_by_callback(walk: Walk) -> None:
    """Another system answers; at first the agent cannot be told, then it answers otherwise."""
    walk.world.step(1)
    walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {"title": walk.mark("draft")})])
    session_id, tool_use_id = walk.last_ids()
    token = walk.token(session_id, tool_use_id)
    answer = {"status": "success", "result": walk.mark("result")}
    walk.failing["SendMessage"] = 1
    walk.call_back(token, answer)
    walk.call_back(token, answer)
    walk.call_back(token, {"status": "error", "result": {walk.mark("result"): 1}})
    walk.call_back(token, {"status": walk.mark("input"), "result": walk.mark("result")})
    walk.call_back(f"{walk.mark('input')}.{'x' * 43}", answer)
    walk.decide(f"https://approvals.example.com/approvals/{token}", decision="approved")


def looked_at(walk: Walk) -> None:
    """A job whose source is asked: it fails, answers, ends badly, says too much; hints name it."""
    said: list[Any] = [
        RuntimeError(walk.mark("result")),
        Result(walk.mark("result")),
        Result(walk.mark("result"), failed=True),
        Result(walk.mark("result") + "x" * MAX_CONTENT_BYTES),
    ]
    place = ("", "")

    @long_running(within=timedelta(days=1))
    def render_video(wait: Wait, title: str, flags: list[str]) -> None:
        if title.startswith("faulty"):
            quoting = {"Error": {"Code": "Refused", "Message": f"{title} {flags}"}}
            raise ClientError(quoting, "StartExecution")

    @render_video.check
    def check(title: str) -> None:
        if title.startswith("refused"):
            raise ValueError(title)
        if title.startswith("past"):
            raise NoNeedToWait(title)

    @render_video.look
    def look() -> Result:
        found = said.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    @render_video.locate
    def locate(about: str) -> tuple[str, str]:
        if about != "mine":
            raise ValueError("no such job")
        return place

    def encodes(prefix: str = "") -> Turn:
        given = {"title": f"{prefix}{walk.mark('tool-input')}", "flags": [walk.mark("tool-input")]}
        return [tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, given)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent_definition, "OTHER_TOOLS", [])
        patch.setattr(agent_definition, "LONG_TOOLS", (render_video,))
        for prefix in ("faulty", "refused", "past"):
            walk.task(encodes(prefix))
        walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", JOB, {walk.mark("tool-input"): 1})])
        while said:
            walk.world.step(1)
            walk.task(encodes())
            place = walk.last_ids()
            walk.world.send(build_look(JOB, "mine"))
            walk.deliver()
        walk.world.send(build_look(JOB, walk.mark("tool-input")))
        walk.world.send(build_look(ASK, walk.mark("tool-input")))
        walk.world.send(
            json.dumps({"type": "look", "toolName": JOB, "about": [walk.mark("input")]})
        )
        walk.world.send(json.dumps({"type": "cancel", "session_id": f"!{walk.mark('input')}"}))
        walk.deliver()


def asked_of_an_agent(walk: Walk) -> None:
    """Another agent is asked; it answers, or is given up, and the message that says so fails."""
    for gives_up in (False, True):
        walk.world.step(1)
        given = {"task": walk.mark("tool-input"), "name": agent_definition.evaluator.AGENT_NAME}
        played = iter([[tool_use(f"tooluse_{uuid.uuid4().hex}", "ask_agent", given)]])
        walk.world.play(lambda request, turns=played: next(turns, walk.mark("words")))
        walk.world.send(build_new(walk.mark("task")))
        walk.run(walk.world.deliver)
        if gives_up:
            session_id, tool_use_id = walk.last_ids()
            order = {"session_id": session_id, "tool_use_id": tool_use_id}
            url = urlsplit("https://approvals.example.com/operator/cancel")
            json_type = {"content-type": "application/json"}
            event = http_event("POST", url, json_type, json.dumps(order), iam=True)
            walk.run(partial(operator_handler.handler, event, walk.world.context))
            walk.failing["SendMessage"] = 1
        walk.deliver()


def handed_its_url(walk: Walk) -> None:
    """A tool hands its callback's URL on; the fault of the system that gets it quotes the URL."""
    quotes = iter([True])

    with pytest.MonkeyPatch.context() as patch:
        make_long_tools = agent_definition.make_long_tools

        def with_a_build(*given: Any) -> Iterator[LongTool]:
            yield from make_long_tools(*given)
            url_of = agent_definition.make_callback_url(*given)

            @long_running(within=timedelta(days=1), by_callback=True)
            def await_build(wait: Wait, branch: str) -> None:
                url = url_of(wait)
                token = walk.keep_token(urlsplit(url).path.rpartition("/")[2])
                if next(quotes, False):
                    raise RuntimeError(f"POST {url} of {branch} was refused")
                tokens.append(token)

            yield await_build

        tokens: list[str] = []
        patch.setattr(agent_definition, "make_long_tools", with_a_build)
        given = {"branch": walk.mark("tool-input")}
        walk.task([tool_use(f"tooluse_{uuid.uuid4().hex}", "await_build", given)])
        answer = {"status": "success", "result": {"log": walk.mark("result")}}
        for operation in ("UpdateItem", "SendMessage", "GetSecretValue"):
            approval_services.services.cache_clear()
            walk.failing[operation] = 1
            walk.call_back(tokens[0], answer)
        walk.failing.clear()
        walk.call_back(tokens[0], answer)


def out_of_time(walk: Walk) -> None:
    walk.world.with_time_left(10)
    walk.task([walk.ask()])
    walk.world.with_time_left(120)


def malformed_messages(walk: Walk) -> None:
    secret = partial(walk.mark, "input")
    for body in (
        secret(),
        json.dumps([secret()]),
        json.dumps({"type": secret()}),
        json.dumps({"type": "new", "body": secret()}),
        json.dumps({"type": "new", "body": {"task": [secret()]}}),
        json.dumps({"type": "new", "session_id": f" {secret()}", "body": {"task": secret()}}),
        json.dumps({"type": "existing", "session_id": secret(), "toolName": f"!{secret()}"}),
        build_existing("none", ASK, [tool_result(secret()[:60], "success", secret())]),
        build_existing("none", ASK, [tool_result(f"!{secret()}", secret(), secret())]),
        json.dumps({"type": "new", "body": {"task": secret(), "half": "\ud800"}}),
        json.dumps({"type": "new", "body": {"task": secret() * 10_000}}),
    ):
        walk.world.send(body)
        walk.deliver()


def dead_letter_fails(walk: Walk) -> None:
    """What cannot be sent on is a fault, and quotes the whole message."""
    walk.failing["SendMessage"] = ROUNDS
    walk.world.send(json.dumps({"type": walk.mark("input")}))
    walk.deliver()


def malformed_requests(walk: Walk) -> None:
    walk.task([walk.ask()])
    url = walk.world.mails[-1].links["approve"]
    secret = partial(walk.mark, "input")
    token = urlsplit(url).path
    for method, path, query, content_type, body in (
        ("GET", f"/approvals/{secret()}", "", "", None),
        ("POST", f"/approvals/{secret()}.{'x' * 43}", f"decision={secret()}", "", None),
        ("PUT", token, "decision=approved", "", None),
        ("POST", token, f"decision={secret()}", "", None),
        ("POST", token, "", "text/plain", secret()),
        ("POST", token, "", "application/json", f'{{"decision": {secret()}}}'),
        ("POST", token, "", "application/json", json.dumps({"decision": [secret()]})),
        ("POST", token, "", "application/json", json.dumps({secret(): 1, "decision": "no"})),
        ("POST", token, "", "application/x-www-form-urlencoded", f"comment=%ff{secret()}"),
        ("POST", token, "", "application/x-www-form-urlencoded",
         urlencode({"decision": "approved", "content": f"{secret()}\0"})),
        ("POST", token, "", "application/x-www-form-urlencoded",
         urlencode({"decision": "denied", "comment": secret() * 500})),
        ("POST", token, "", "application/x-www-form-urlencoded", f"x={quote(secret())}&" * 99),
    ):  # fmt: skip
        headers = {"accept": "text/html", "content-type": content_type, "referer": url,
                   "user-agent": secret(), "cookie": secret()}  # fmt: skip
        parts = urlsplit(f"{path}?{query}")
        event = http_event(method, parts, headers, body)
        walk.run(partial(approval_handler.handler, event, walk.world.context))


def not_in_flight(walk: Walk) -> None:
    """A sample event that never was on a queue."""
    record = {"messageId": str(uuid.uuid4()), "receiptHandle": "sample",
              "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
              "body": build_new(walk.mark("task"))}  # fmt: skip
    walk.world.play([walk.mark("words")])
    walk.run(lambda: agent_handler.handler({"Records": [record]}, walk.world.context))


def all_of_it(walk: Walk) -> None:
    """A path that makes every call of all functions; used to let each of them fail."""
    long_conversation(walk)
    two_in_one_turn(walk)
    expired(walk)
    cancelled(walk)
    malformed_messages(walk)
    walk.sweep_after(700)


def walk_everything(walk: Walk, receiver: RecordingReceiver) -> None:
    for path in (
        approved, approved_and_published, denied_then_edited, gated, two_in_one_turn,
        long_conversation, expired, escalated, cancelled, given_more_time, message_lost,
        nobody_subscribed,
        session_gone, other_tool,
        model_fails, lease_kept, clicked_again, not_started, not_stopped, answered_by_callback,
        answered_by_a_person, asked_by_name, decided_in_the_inbox, told_by_letter,
        signed_in_elsewhere,
        looked_at, asked_of_an_agent, handed_its_url,
        out_of_time, malformed_messages, dead_letter_fails, malformed_requests, not_in_flight,
    ):  # fmt: skip
        path(walk)
    receiver_fails(walk, receiver)
    for operation in OPERATIONS:
        forget_environments()
        operator_services.services.cache_clear()
        for calls_before in range(ROUNDS):
            walk.failing[operation] = 2 + calls_before
            all_of_it(walk)
    walk.failing.clear()


def plant(marks: Marks) -> None:
    """Leaks one secret on every way out, so that a search which finds nothing is noticed."""
    get_logger("planted").error("planted", extra={"secret": marks.make("planted")})
    try:
        raise ValueError(marks.make("planted"))
    except ValueError:
        get_logger("planted").exception("planted")
        logging.getLogger("planted").warning("planted", exc_info=True)
    logging.getLogger("planted").warning("planted %s", marks.make("planted"))
    put_metric("Planted", secret=marks.make("planted"))
    print(marks.make("planted"))
    print(marks.make("planted"), file=sys.stderr)
    warnings.warn(marks.make("planted"), stacklevel=1)
    with tracing.subsegment(marks.make("planted")):
        pass
    with tracing.subsegment("planted", session_id=marks.make("planted")):
        pass


@contextmanager
def everything_marked(marks: Marks) -> Iterator[tuple[Walk, RecordingReceiver]]:
    """Makes a world whose keys are marked as well, with a receiver behind a socket."""
    receiver = RecordingReceiver()
    with clients_made_once(), pytest.MonkeyPatch.context() as patch:
        world = make_world(patch, receiver.url)
        keys = json.dumps({**KEYS, "k1": marks.make("key-of-the-links")})
        token = marks.make("token-of-the-receiver")
        secrets = world.pocket.secretsmanager
        for name, value in {
            "LOG_LEVEL": "DEBUG",
            "LINK_KEYS_SECRET_ARN": secrets.add_secret("keys", keys),
            "PUBLISH_TOKEN_SECRET_ARN": secrets.add_secret("token", token),
        }.items():
            patch.setenv(name, value)
        tool = PythonAgentTool(JOB, job_spec(), lambda use, **state: pause(use, "Wait.", **state))
        patch.setattr(agent_definition, "OTHER_TOOLS", [tool])
        walk = Walk(world, marks)
        patch.setattr(
            botocore.client.BaseClient, "_make_api_call",
            lambda client, *call: walk.call_or_fail(client, *call))  # fmt: skip
        yield walk, receiver
    receiver.stop()


def job_spec() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    return {"name": JOB, "description": "Renders a video.", "inputSchema": {"json": schema}}


def main(path: str) -> None:
    logging.basicConfig()
    marks = Marks()
    with everything_marked(marks) as (walk, receiver):
        walk_everything(walk, receiver)
        plant(marks)
    Path(path).write_text(json.dumps(marks.kinds))


if __name__ == "__main__":
    main(sys.argv[1])
