"""The long story of `make demo`: a draft that an agent, a job, a person and a clock have to see.

    sent, drafted, rejected by the evaluator, drafted again, found good, illustrated by a job,
    denied by a person with a comment, drafted and checked again, approved, held by a timer,
    published

Each wait is read from the tables, as it is asked and as it is answered. The sweeper, which is the
timer's clock and comes once a minute, is called every few seconds here.
"""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.console import LocalError
from local.layer import unpacked
from local.lifecycle import Running
from local.walk import STEP_SECONDS, request

HELD_SECONDS = 35
"""So long after the task is sent the post may go out."""

SWEEP_SECONDS = 5
_POLL_SECONDS = 0.1
_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
COMMENT = "More sparkle, please."
TASK = "Announce the summer sale, checked and with a picture, at {time}"

_WORDS = {
    "ask_agent": "another agent checks the draft",
    "run_job": "a job draws the picture",
    "human_approval": "a person is asked",
    "wait_until": "a timer holds the post",
}


@dataclass(frozen=True)
class Beat:
    """Something that happened, at `at` (epoch seconds)."""

    at: float
    name: str
    note: str


@dataclass
class Story:
    """Follows one session from its task to its post; plays the approver."""

    run: Running
    session_id: str
    post: dict[str, Any] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)
    _decisions: int = 0
    _swept_at: float = field(default_factory=time.time)

    def beats(self) -> Iterator[Beat]:
        """Yields what happens, as it happens.

        Raises:
            LocalError: Nothing happened for a minute, or the session ended otherwise.
        """
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            for beat in self._news():
                deadline = time.monotonic() + STEP_SECONDS
                yield beat
            if self._has_ended():
                yield self._published()
                return
            self._sweep()
            time.sleep(_POLL_SECONDS)
        raise LocalError(f"nothing happened for {STEP_SECONDS} s")

    def _news(self) -> Iterator[Beat]:
        waits = self._waits()
        for item in waits:
            key, now = item["tool_use_id"], time.time()
            if key in self._asked.keys() - self._answered and item["status"] != "PENDING":
                self._answered.add(key)
                waited = now - self._asked[key]
                yield Beat(now, "", f"{_answer(item)} (after {waited:.1f} s; nothing ran)")
        for item in waits:
            key, tool = item["tool_use_id"], item["tool_name"]
            if key not in self._asked:
                self._asked[key] = time.time()
                yield Beat(self._asked[key], tool, f"{_WORDS.get(tool, tool)}{_about(item)}")
                if tool == "human_approval":
                    self._decide()

    def _decide(self) -> None:
        """Denies the first question with a comment, approves every later one."""
        self._decisions += 1
        form = "decision=approved"
        if self._decisions == 1:
            form = f"decision=denied&comment={COMMENT.replace(' ', '+')}"
        status, answer = _post(self._link(), form)
        if status != http.HTTPStatus.OK:
            raise LocalError(f"the decision was answered {status}: {answer}")

    def _link(self) -> str:
        if not self.run.mailbox.wait_for(self._decisions, STEP_SECONDS):
            raise LocalError("no e-mail came")
        return next(
            link.url for link in self.run.mailbox.all()[-1].links if link.label == "approve"
        )

    def _published(self) -> Beat:
        posts = json.loads(_get(f"{self.run.settings.front_url}/posts"))["posts"]
        if len(posts) != 1:
            raise LocalError(f"expected one post, found {len(posts)}")
        self.post = posts[0]
        return Beat(time.time(), "publish_post", "UniTok has the post, and has it once")

    def _has_ended(self) -> bool:
        session = self._session()
        if session.get("status", {}).get("S") != "completed":
            return False
        if (outcome := session["outcome"]["S"]) != "published":
            raise LocalError(f"the session ended as {outcome}")
        return True

    def _sweep(self) -> None:
        if time.time() - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = time.time()
        name = self.run.stack.physical_ids["SweeperFunction"]
        try:
            self.run.emulator.client("lambda").invoke(FunctionName=name, InvocationType="Event")
        except (BotoCoreError, ClientError) as error:
            raise LocalError(f"the sweeper could not be called: {error}") from error

    def _waits(self) -> list[dict[str, Any]]:
        items = self.run.view.waits_of(self.session_id)
        plain = [{k: unpacked(next(iter(v.values()))) for k, v in item.items()} for item in items]
        return sorted(plain, key=lambda item: (int(item["requested_at"]), item["tool_use_id"]))

    def _session(self) -> dict[str, Any]:
        return self.run.view.item(self.session_id) or {}


def task_for(sent_at: float) -> str:
    """Returns the task, whose post is held for a while."""
    moment = datetime.fromtimestamp(sent_at + HELD_SECONDS, UTC)
    return TASK.format(time=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def _about(item: dict[str, Any]) -> str:
    """Says of an approval what it is about: how the text begins, and the picture."""
    if "content" not in item:
        return ""
    begins = " ".join(item["content"].split())[:44]
    picture = json.loads(item.get("arguments", "{}")).get("image_url")
    return f': "{begins}…"' + (f" with {picture}" if picture else "")


def _answer(item: dict[str, Any]) -> str:
    """Says what came of a wait."""
    if "decision" in item:
        comment = f': "{item["comment"]}"' if "comment" in item else ""
        return f"{item['decision']}{comment}"
    if "result" not in item:
        return str(item["status"]).lower()
    text = json.loads(item["result"])["content"][0]["text"]
    try:
        said = json.loads(text)
    except ValueError:
        return str(text)
    if "said" in said:
        return _verdict(said["said"])
    return f"drawn: {said.get('image_url', text)}"


def _verdict(said: str) -> str:
    try:
        verdict = json.loads(said)
    except ValueError:
        return said
    return "good" if verdict["ok"] else f"rejected: {verdict['why']}"


def _post(url: str, form: str) -> tuple[int, str]:
    return request("POST", urlsplit(url)._replace(query="").geturl(), _FORM, form.encode())


def _get(url: str) -> str:
    return request("GET", url, {"Accept": "application/json"})[1]
