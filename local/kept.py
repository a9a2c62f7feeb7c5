"""What a run with KEEP=1 leaves for the next one, in a folder of its own.

It is written when the run stops, whole or not at all. A run that is killed writes nothing: then the
next one goes on from what was kept before it, and says so.
"""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.console import Console, LocalError
from local.mail import Link, Mail, Question
from local.markup import moment
from local.snapshot import TABLE, as_text, from_text

FORMAT = 1
_FAULTS = (LocalError, OSError, ValueError, TypeError, KeyError, BotoCoreError, ClientError)


class Kept:
    """The folder.

    Args:
        folder: Where it is.
        front_url: Where the links of this run lead.
        console: Who watches.
    """

    def __init__(self, folder: Path, front_url: str, console: Console) -> None:
        self._folder = folder
        self._state, self._running = folder / "state.json", folder / "running"
        self._front_url = front_url
        self._console = console

    def read(self) -> dict[str, Any] | None:
        """Returns what was kept last; None if nothing was. Says what was lost.

        Raises:
            LocalError: What was kept cannot be read.
        """
        content = self._read() if self._state.exists() else None
        if self._running.exists():
            then = "nothing was kept before, and this one starts empty"
            if content:
                then = f"this one goes on from what was kept at {moment(content['saved_at'])}"
            self._console.error(
                f"The run with KEEP=1 that began at {self._running.read_text()} was killed, or "
                f"could not keep what it had: what happened in it is lost; {then}."
            )
        return content

    def begin(self) -> None:
        """Notes that a run goes on from here: until it has kept what it has, that is at risk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._running.write_text(moment(time.time()))

    def write(self, take: Callable[[], dict[str, Any]]) -> None:
        """Writes what a run leaves; a failure is said, and leaves what was kept before.

        Args:
            take: Returns it.
        """
        try:
            content = take()
            self._write(as_text({"format": FORMAT, "saved_at": time.time(), **content}))
            self._running.unlink(missing_ok=True)
        except _FAULTS as error:
            self._console.error(f"What was in it could not be kept: {error}")
            return
        count = sum(map(len, content["stack"][TABLE].values()))
        said = f"Kept {count} items of tables and {len(content['mails'])} e-mails"
        self._console.say(f"{said} in {os.path.relpath(self._folder)}: make run KEEP=1 goes on.")

    def hint(self) -> None:
        """Says that something is kept, to whoever starts without it."""
        if self._state.exists():
            at = moment(self._state.stat().st_mtime)
            self._console.say(f"What was kept at {at} stays as it is: make run KEEP=1 goes on.")

    def mails_of(self, content: dict[str, Any]) -> list[Mail]:
        """Returns the e-mails of what was kept; their links lead to this run, whatever its port."""
        text = as_text(content["mails"]).replace(content["front_url"], self._front_url)
        return [_mail(fields) for fields in from_text(text)]

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = from_text(self._state.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']}, not {FORMAT}")
            self.mails_of(content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            folder = os.path.relpath(self._folder)
            raise LocalError(
                f"What was kept in {folder} cannot be read: {error!r}. Nothing was started. "
                f"Delete {folder} to start empty, or start without KEEP=1."
            ) from error
        return content

    def _write(self, text: str) -> None:
        """Whole or not at all; only its owner may read it: it holds the keys of the links."""
        descriptor, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._state)
        finally:
            Path(temporary).unlink(missing_ok=True)


def mails_as_fields(mails: list[Mail]) -> list[dict[str, Any]]:
    """Returns e-mails as they are kept."""
    return [asdict(mail) for mail in mails]


def _mail(fields: dict[str, Any]) -> Mail:
    questions = tuple(
        Question(question["body"], tuple(Link(**link) for link in question["links"]))
        for question in fields["questions"]
    )
    return Mail(**{**fields, "questions": questions})
