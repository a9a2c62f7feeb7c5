"""One solution of each exercise. Try first: `checks.py` tells you what is still wrong.

Each part below is what goes into the cell of its exercise.
"""

# Exercise 1
kept_in = {
    "a task that no agent has taken yet": "task queue",
    "the conversation of an agent that waits": "agent-memory-store",
    "the text that the approver was asked about": "approvals",
    "the decision": "approvals",
    "the key that signs the links": "Secrets Manager",
    "the published post": "UniTok",
    "the process of an agent that waits": "nowhere",
}

# Exercise 2
steps = ["pause", "save", "notify", "decide", "resume", "publish"]

# Exercise 3
import json
import re


def find_wrong_field(body: str) -> str:
    """Returns the name of the first wrong field; "" for a good message."""
    try:
        message = json.loads(body)
    except ValueError:
        return "body"
    if not isinstance(message, dict):
        return "body"
    if message.get("type") != "new":
        return "type"
    inner = message.get("body")
    if not isinstance(inner, dict):
        return "body"
    task = inner.get("task")
    if not isinstance(task, str) or not task.strip():
        return "body.task"
    session_id = message.get("session_id")
    if session_id is None:
        return ""
    is_good = isinstance(session_id, str) and re.fullmatch(r"[\w.:-]{1,128}", session_id, re.ASCII)
    return "" if is_good else "session_id"


# Exercise 4
import threading


class Receiver:
    """Makes one post for each key."""

    def __init__(self) -> None:
        """Has no posts yet."""
        self.posts: list[str] = []
        self.numbers: dict[str, int] = {}
        self.lock = threading.Lock()

    def post(self, key: str, content: str) -> int:
        """Takes a post; returns its number, the same for the same key."""
        with self.lock:
            if key not in self.numbers:
                self.posts.append(content)
                self.numbers[key] = len(self.posts)
            return self.numbers[key]


# Exercise 5
import checks
from longrunning.agent.calls import ProtectedTool

bank = checks.Bank()


class RefundRefusedError(Exception):
    """The bank will never make this refund; the model reads why."""


def refund_deposit(message: str, booking: str, amount: float, *, idempotency_key: str) -> str:
    """Pays a deposit back, once per key however often it is called."""
    try:
        bank.pay(booking, amount, message, key=idempotency_key)
    except checks.AccountClosedError as error:
        raise RefundRefusedError(str(error)) from error
    return f"Paid {amount} EUR back for booking {booking}."


refund = ProtectedTool(
    spec={
        "name": "refund_deposit",
        "description": "Pays a deposit back. A person approves it.",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {
                    "message": {"type": "string", "minLength": 1, "maxLength": 500},
                    "booking": {"type": "string", "pattern": "^[0-9]{4}$"},
                    "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 500},
                },
                "required": ["message", "booking", "amount"],
            }
        },
    },
    function=refund_deposit,
    refused=RefundRefusedError,
    content_field="message",
    editable=("amount",),
    done="refunded",
)

# Exercise 6
from datetime import timedelta

from longrunning.agent.long_running import LongTool, Result, long_running
from longrunning.waits.item import Wait


def make_shoe(smith: checks.Smith) -> LongTool:
    """Makes the tool; `smith` is a client of the smith."""

    @long_running(within=timedelta(days=7))
    def shoe(wait: Wait, unicorn: str) -> None:
        """Has a unicorn shod. You are stopped and continue when it is done.

        Args:
            unicorn: Its name.
        """
        try:
            smith.order(wait.name, unicorn)
        except checks.AlreadyOrderedError:
            pass  # An earlier attempt has ordered it.

    @shoe.look
    def look(wait: Wait, unicorn: str) -> Result | None:
        return Result(f"{unicorn} is shod.") if smith.is_done(wait.name) else None

    @shoe.cancel
    def cancel(wait: Wait) -> None:
        smith.withdraw(wait.name)

    return shoe


# Exercise 7
my_session = stack.send("Announce the carriage ride to the lake")
mail = stack.wait_for_mail(my_session)
stack.click(mail.deny, "denied", comment="Say that children ride for half.")
mail = stack.wait_for_mail(my_session, after=mail)
stack.click(mail.approve, "approved", content="To the lake by unicorn: children pay half.")
stack.wait_until_ended(my_session)
