"""Routes that AWS has not: hidden messages, letters that SES sent, and the guard's hold.

The routes ask for no signature, so the guard lets only the owner's signed requests through to them.
"""

import http.client
import json
from email.message import Message
from typing import Any

from local.emulator import Emulator
from local.server import Request
from local.signatures import OwnerKey

MESSAGES_PATH, LETTERS_PATH = "/_ministack/sqs/messages", "/_ministack/ses/messages"
HOLD_PATH, GO_PATH = "/_local/hold", "/_local/go"
"""The guard's own: from hold to go, whoever is not the owner is told to come again."""
_SECONDS = 10


def messages_in(emulator: Emulator, queue_url: str) -> list[dict[str, Any]]:
    """Returns all messages of a queue, also those that are hidden or delayed.

    Each has `MessageId`, `Body`, `MessageAttributes`, `SentTimestamp`, `VisibleAt`, `IsVisible`,
    `ReceiveCount`.

    Raises:
        OSError: The emulator does not answer.
    """
    name = queue_url.rpartition("/")[2]
    regions = (r for account in read(emulator, MESSAGES_PATH).values() for r in account.values())
    return [
        message
        for queues in regions
        for url, messages in queues.items()
        if url.rpartition("/")[2] == name
        for message in messages
    ]


def hold(emulator: Emulator) -> None:
    """Has the emulator refuse everybody but the owner: what it holds stays as it is.

    Raises:
        OSError: The emulator does not answer.
    """
    ask(emulator, "POST", HOLD_PATH)


def go(emulator: Emulator) -> None:
    """Ends a hold.

    Raises:
        OSError: The emulator does not answer.
    """
    ask(emulator, "POST", GO_PATH)


def read(emulator: Emulator, path: str) -> dict[str, Any]:
    """Returns what a route tells, by account.

    Raises:
        OSError: The emulator does not answer.
    """
    return dict(json.loads(ask(emulator, "GET", path))["messages"])


def ask(emulator: Emulator, method: str, path: str) -> bytes:
    """Sends a request that the owner has signed; returns what comes.

    Raises:
        OSError: The emulator does not answer, or refuses.
    """
    host = f"127.0.0.1:{emulator.port}"
    owner = OwnerKey(emulator.access_key_id, emulator.secret_access_key)
    signed = owner.sign(Request(method, path, Message(), b""), method, host)
    connection = http.client.HTTPConnection(host, timeout=_SECONDS)
    try:
        connection.request(method, path, headers=dict(signed))
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise OSError(f"{path}: {answer.status}")
    return body
