"""What SES sent to people at their own addresses, read from the emulator."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.emulator import Emulator
from local.emulator_messages import LETTERS_PATH, read
from local.layer import read_people
from local.mail import Mail, find_questions


class Letters:
    """Reads them in the order in which they were sent.

    Args:
        emulator: Where SES is.
        people_file: Who has which address.
        front_url: Where the links lead.
    """

    def __init__(self, emulator: Emulator, people_file: Path, front_url: str) -> None:
        self._emulator = emulator
        self._people_file = people_file
        self._front_url = front_url
        self._read = 0

    def new(self) -> list[Mail]:
        """Returns what was sent since the last look."""
        sent = list(self._sent())
        new, self._read = sent[self._read :], len(sent)
        return [self._mail(one) for one in new]

    def _sent(self) -> Iterator[dict[str, Any]]:
        for of_account in read(self._emulator, LETTERS_PATH).values():
            yield from of_account

    def _mail(self, sent: dict[str, Any]) -> Mail:
        """`to` is the person's id, as of what SNS sends; of whoever has left the address."""
        address = ", ".join(sent["To"])  # One person; a letter of somebody else may have none.
        ids = {person.email: id_ for id_, person in read_people(self._people_file).items()}
        at = datetime.fromtimestamp(sent["Timestamp"], UTC)
        return Mail(
            subject=sent["Subject"],
            body=sent["BodyText"],
            sent_at=f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            to=ids.get(address, address),
            questions=find_questions(sent["BodyText"], self._front_url),
            html=sent["BodyHtml"] or "",
        )
