"""The story of `make demo STORY=people`: a rule, two of three, an edit between them, a form.

A refund that a rule decides; one that three are asked about, of whom one edits the amount; the
requester, who may not; somebody whose page is no longer up to date, and who then decides with a
signature; a question, answered by a form in the inbox.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.console import LocalError
from local.inbox_visit import Visit
from local.layer import Wait, links, wait_items
from local.lifecycle import Running
from local.mail import Mail
from local.server import Request
from local.signatures import OwnerKey
from local.story import Beat
from local.walk import STEP_SECONDS, request

FOLDER = Path(__file__).with_name("people_agent")
TASK = "Orders 4711 and 4712 went wrong. Please make it good."
REQUESTER = "ann"
EDITED_AMOUNT = 99.5
ANSWER = {"how": "telephone", "voucher": 10, "apologise": True}
_POLL_SECONDS = 0.1
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


@dataclass
class PeopleStory:
    """Follows one session, and plays the people in it."""

    run: Running
    session_id: str
    _read: int = 0
    _mails: list[Mail] = field(default_factory=list)

    def beats(self) -> Iterator[Beat]:
        """Yields what happens, as it happens.

        Raises:
            LocalError: Nothing happened for a minute, or something else than the story says.
        """
        small = self._until("the first refund", lambda: self._wait("4711", "SPENT"))
        yield self._beat("rule", f"{_about(small)} is paid: {small.decided_by}, nobody was asked")
        large = self._until("the second refund", lambda: self._wait("4712", "PENDING"))
        asked = self._links(3, large.tool_use_id)
        names = ", ".join(sorted(asked))
        yield self._beat("asked", f"{_about(large)}: {large.needed} of {names} must agree")
        yield self._beat("requester", self._refused(large))
        seen = large.in_force.digest
        first, second, _ = sorted(asked)
        self._say(asked[first], 200, seen=seen, arguments={"amount": EDITED_AMOUNT})
        yield self._beat("vote", f"{first} approves, and edits the amount to {EDITED_AMOUNT}")
        self._say(asked[second], 409, seen=seen)
        yield self._beat("changed", f"{second}'s page was of before the edit: nothing is counted")
        current = self._until("the edit", lambda: self._wait("4712", "PENDING"))
        self._sign(current, "approved", comment="Fair enough.")
        yield self._beat(
            "vote", f"{second} looks again and approves from a shell, with a signature"
        )
        paid = self._until("the payment", lambda: self._wait("4712", "SPENT"))
        yield self._beat("paid", str((paid.answer or {}).get("text") or _about(paid)))
        question = self._until("the question", lambda: self._wait("", "PENDING"))
        (person,) = self._links(1, question.tool_use_id)
        yield self._beat("question", f'"{question.asked.content}"')
        visit = self._signed_in(person)
        yield self._beat("inbox", f"{person} signs in by an e-mail, and finds it there")
        self._answer(visit, question)
        said = ", ".join(f"{name}: {value}" for name, value in ANSWER.items())
        yield self._beat("answer", f"by a form: {said}")
        outcome = self._until("the end", self._outcome)
        if outcome != "refunded":
            raise LocalError(f"the session ended as {outcome}")
        yield self._beat("done", f"the session ended as {outcome}")

    def _beat(self, name: str, note: str) -> Beat:
        return Beat(time.time(), name, note)

    def _until(self, what: str, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(_POLL_SECONDS)
        raise LocalError(f"{what} did not come within {STEP_SECONDS} s")

    def _wait(self, order_id: str, status: str) -> Wait | None:
        """Returns the wait about an order, or the question, if it is that far."""
        items = self.run.view.waits_of(self.session_id)
        for wait in map(wait_items.from_item, items):
            about = "" if wait.is_question else wait.asked.arguments["order_id"]
            if (about, wait.status) == (order_id, status):
                return wait
        return None

    def _links(self, count: int, tool_use_id: str) -> dict[str, str]:
        """Returns the links of the next e-mails, by the person whom each is for."""
        if not self.run.mailbox.wait_for(self._read + count, STEP_SECONDS):
            raise LocalError(f"{count} e-mails about {tool_use_id} did not come")
        new = self.run.mailbox.all()[self._read : self._read + count]
        self._read += count
        return {str(mail.to): mail.links[0].url for mail in new}

    def _refused(self, wait: Wait) -> str:
        """Tries the requester's link, which nobody has sent."""
        secret = self.run.emulator.client("secretsmanager").get_secret_value(
            SecretId=self.run.stack.physical_ids["LinkKeys"]
        )
        token = links.make_token(
            links.LinkKeys.parse(secret["SecretString"]),
            wait.session_id,
            wait.tool_use_id,
            wait.decide_by,
            person=REQUESTER,
            flags=links.VOTES,
        )
        url = links.review_url(self.run.settings.front_url, token, "approved")
        self._say(url, 403, seen=wait.in_force.digest)
        return f"{REQUESTER} wants the refund: not asked, and refused with a link of hers (403)"

    def _say(self, link: str, expected: int, decision: str = "approved", **more: Any) -> None:
        url = urlsplit(link)._replace(query="").geturl()
        body = json.dumps({"decision": decision, **more}).encode()
        status, answer = request("POST", url, _JSON, body)
        if status != expected:
            raise LocalError(f"{decision} was answered {status}, not {expected}: {answer}")

    def _sign(self, wait: Wait, decision: str, **more: Any) -> None:
        """Decides with the key of this stack, as `make approvals` does."""
        ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
        fields = {**ids, "decision": decision, "seen": wait.in_force.digest, **more}
        url, body = f"{self.run.settings.front_url}/operator/decide", json.dumps(fields).encode()
        emulator = self.run.emulator
        owner = OwnerKey(emulator.access_key_id, emulator.secret_access_key)
        headers = Message()
        headers["Content-Type"] = "application/json"
        parts = urlsplit(url)
        unsigned = Request("POST", parts.path, headers, body)
        status, answer = request(
            "POST", url, dict(owner.sign(unsigned, "POST", parts.netloc)), body
        )
        if status != 200:
            raise LocalError(f"{decision} was answered {status}, not 200: {answer}")

    def _signed_in(self, person: str) -> Visit:
        """Signs a person in to the inbox, by the link of the e-mail."""
        visit = Visit(self.run.settings.front_url)
        visit.post("/inbox/sign-in", email=f"{person}@example.com")
        (link,) = self._links(1, "the inbox").values()
        page = visit.post(link)
        if "One waits for you" not in page:
            raise LocalError(f"the inbox of {person} does not have the question")
        return visit

    def _answer(self, visit: Visit, question: Wait) -> None:
        typed = {name: wait_items.as_json(value).strip('"') for name, value in ANSWER.items()}
        fields = [(f"answer.{name}", text) for name, text in typed.items()]
        url = f"/inbox/approvals/{question.session_id}/{question.tool_use_id}"
        visit.post(url, *fields, decision="answered")

    def _outcome(self) -> str:
        session = self.run.view.session(self.session_id)
        return session.outcome if session and session.has_ended else ""


def _about(wait: Wait) -> str:
    given = wait.in_force.arguments
    return f"{given['amount']:.2f} EUR for order {given['order_id']}"
