"""`make run KEEP=1`: puts back what the last run had, and takes what this one has at its end."""

import time
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.console import Console, LocalError
from local.emulator import Emulator
from local.emulator_messages import go, hold
from local.kept import Kept, mails_as_fields
from local.mail import Mailbox
from local.snapshot import Snapshot

_QUIET_SECONDS = 5
_LETTERS_SECONDS = 1
_FAULTS = (OSError, KeyError, TypeError, AttributeError, BotoCoreError, ClientError)


class GoingOn:
    """One run that keeps what it has.

    Args:
        kept: The folder.
        emulator: Where the stack will be.
        front_url: Where links lead.
        console: Who watches.

    Raises:
        LocalError: What was kept cannot be read.
    """

    def __init__(self, kept: Kept, emulator: Emulator, front_url: str, console: Console) -> None:
        self._kept = kept
        self._emulator = emulator
        self._front_url = front_url
        self._console = console
        self._content = kept.read()

    def hold(self) -> None:
        """Lets no function do anything before all is put back: each would see half of it."""
        hold(self._emulator)

    def put_back(self, snapshot: Snapshot, mailbox: Mailbox) -> None:
        """Puts back what was kept, if anything was, and ends the hold.

        Raises:
            LocalError: It cannot be put back.
        """
        content = self._content
        if content is None:
            self._kept.begin()
            go(self._emulator)
            return
        with self._console.step("kept") as notes:
            try:
                self._put(content, snapshot, mailbox)
            except _FAULTS as error:
                raise LocalError(
                    f"What was kept cannot be put back: {error!r}. It stays as it is; "
                    "make run without KEEP=1 starts without it."
                ) from error
            notes.append(f"{len(content['mails'])} e-mails, and all that tables and queues had")

    def _put(self, content: dict[str, Any], snapshot: Snapshot, mailbox: Mailbox) -> None:
        missing = snapshot.missing(content["stack"])
        if missing:
            names = ", ".join(missing)
            self._console.error(f"Not put back, because no template has it any more: {names}.")
        snapshot.put(content["stack"])
        mailbox.put(self._kept.mails_of(content))
        self._kept.begin()
        go(self._emulator)
        snapshot.send(content["stack"])

    def keep(self, snapshot: Snapshot, mailbox: Mailbox) -> None:
        """Writes what the run has; whoever came by the front door has been answered before."""
        self._kept.write(partial(self._take, snapshot, mailbox))

    def _take(self, snapshot: Snapshot, mailbox: Mailbox) -> dict[str, Any]:
        hold(self._emulator)
        until = time.monotonic() + _QUIET_SECONDS
        while not mailbox.is_quiet():
            if time.monotonic() > until:
                raise LocalError(f"the mailbox was not quiet within {_QUIET_SECONDS} s")
            time.sleep(0.05)
        if mailbox.has_letters:
            time.sleep(_LETTERS_SECONDS)
        mails = mails_as_fields(mailbox.all())
        return {"front_url": self._front_url, "mails": mails, "stack": snapshot.take()}
