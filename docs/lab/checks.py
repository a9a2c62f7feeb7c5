"""Tells right from wrong in the lab's exercises. Each check returns what to print.

A check runs what you wrote against small stand-ins of the world outside, which are here, too. It
never looks at how you wrote a thing, only at what happens.
"""

import inspect
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Protocol

from longrunning import messages
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.inputs import InvalidCallError
from longrunning.agent.long_running import LongTool, Result
from longrunning.waits.item import Wait

RIGHT = "Right."

MAX_LINES = 40
"""Of a long-running tool, as the README promises."""


class NotYetError(Exception):
    """An answer is not right yet; the message says what was seen."""


def told(check: Callable[[], None]) -> str:
    """Runs a check; returns `Right.`, or `Not yet:` and what was seen."""
    try:
        check()
    except NotYetError as wrong:
        return f"Not yet: {wrong}"
    except Exception as error:
        return f"Not yet: your code raised {type(error).__name__}: {error}"
    return RIGHT


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotYetError(otherwise)


# --- 1: where is it kept? ------------------------------------------------------------------------

PLACES = ("task queue", "agent-memory-store", "approvals", "Secrets Manager", "UniTok", "nowhere")

KEPT_IN = {
    "a task that no agent has taken yet": ("task queue", "The sender has put it there."),
    "the conversation of an agent that waits": (
        "agent-memory-store",
        "Another process must go on from it, days later.",
    ),
    "the text that the approver was asked about": (
        "approvals",
        "The decision is about exactly this text, so both are one item.",
    ),
    "the decision": ("approvals", "Look at part 2.5 again: what did the click change?"),
    "the key that signs the links": (
        "Secrets Manager",
        "Whoever could read it in a table could make a link for any question.",
    ),
    "the published post": ("UniTok", "It is out: look at where stack.posts() reads."),
    "the process of an agent that waits": ("nowhere", "What runs while an agent waits?"),
}
"""The place of each thing, and a hint for whoever looks for it elsewhere."""


def kept_in(answers: Mapping[str, str]) -> str:
    """Checks exercise 1: a place for each thing."""

    def check() -> None:
        for thing, (place, hint) in KEPT_IN.items():
            given = answers.get(thing, "")
            _expect(bool(given), f'"{thing}" has no place yet. There are {", ".join(PLACES)}.')
            _expect(given in PLACES, f'"{given}" is none of {", ".join(PLACES)}.')
            _expect(given == place, f'"{thing}" is not in "{given}". {hint}')

    return told(check)


# --- 2: in which order? --------------------------------------------------------------------------

STEPS = ("pause", "save", "notify", "decide", "resume", "publish")

WHY = {
    ("pause", "save"): "An agent that still runs changes what was saved.",
    ("save", "notify"): "If the process dies between both, somebody answers a question that no "
    "session waits for.",
    ("notify", "decide"): "Nobody can decide what nobody has read.",
    ("decide", "resume"): "If the message comes before the record, the agent finds no decision.",
    ("resume", "publish"): "The agent itself makes the call that was approved.",
}


def order(steps: Sequence[str]) -> str:
    """Checks exercise 2: the steps in the order in which they happen."""

    def check() -> None:
        _expect(
            sorted(steps) == sorted(STEPS), f"Expected each of {', '.join(sorted(STEPS))} once."
        )
        for (first, second), why in WHY.items():
            is_right = steps.index(first) < steps.index(second)
            _expect(is_right, f'"{second}" comes before "{first}". {why}')

    return told(check)


# --- 3: a validation -----------------------------------------------------------------------------

BODIES = (
    '{"type": "new", "body": {"task": "Announce the sale"}}',
    '{"type": "new", "session_id": "sale-7", "body": {"task": "Announce the sale"}}',
    '{"type": "new", "session_id": null, "note": 1, "body": {"task": "Announce the sale"}}',
    "Announce the sale",
    '["new"]',
    '{"body": {"task": "Announce the sale"}}',
    '{"type": "NEW", "body": {"task": "Announce the sale"}}',
    '{"type": "new"}',
    '{"type": "new", "body": "Announce the sale"}',
    '{"type": "new", "body": {}}',
    '{"type": "new", "body": {"task": " \\n"}}',
    '{"type": "new", "body": {"task": 7}}',
    '{"type": "new", "session_id": "my sale", "body": {"task": "Announce the sale"}}',
    '{"type": "new", "session_id": 7, "body": {"task": "Announce the sale"}}',
)


def wrong_field(body: str) -> str:
    """Returns the field that the stack itself complains of; "" for a message that it takes."""
    try:
        messages.parse(body)
    except messages.MalformedMessageError as error:
        return str(error).partition(":")[0]
    return ""


def validation(find_wrong_field: Callable[[str], str]) -> str:
    """Checks exercise 3 against what the stack itself says of each body."""

    def check() -> None:
        for body in BODIES:
            given, expected = find_wrong_field(body), wrong_field(body)
            _expect(
                given == expected,
                f"for {body} the stack says {expected!r}, and your function {given!r}.",
            )

    return told(check)


# --- 4: a receiver -------------------------------------------------------------------------------


class Receiver(Protocol):
    """What exercise 4 asks for."""

    posts: list[str]

    def post(self, key: str, content: str) -> int:
        """Takes a post; returns its number, the same for the same key."""


AT_ONCE = 8


def receiver(make: Callable[[], Receiver]) -> str:
    """Checks exercise 4: one post for each key, also when two requests come at the same moment."""

    def check() -> None:
        one = make()
        first, again = one.post("s-1/u-1", "Sale!"), one.post("s-1/u-1", "Sale!")
        _expect(one.posts == ["Sale!"], f"one key, sent twice, made {len(one.posts)} posts.")
        _expect(first == again, f"the repeat was answered {again}, and the first time {first}.")
        other = one.post("s-1/u-2", "Sale!")
        _expect(len(one.posts) == 2, "another key is another post, even with the same text.")
        _expect(other != first, "two posts have the same number.")
        _check_at_once(make())

    return told(check)


def _check_at_once(one: Receiver) -> None:
    gate, one.posts = threading.Barrier(AT_ONCE), _SlowList()

    def send(_: int) -> int:
        gate.wait()
        return one.post("s-2/u-1", "Sale!")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        numbers = set(threads.map(send, range(AT_ONCE)))
    made = len(one.posts)
    _expect(made == 1, f"{AT_ONCE} requests with one key at the same moment made {made} posts.")
    _expect(len(numbers) == 1, f"{AT_ONCE} requests with one key got the numbers {numbers}.")


class _SlowList(list[str]):
    """A list whose `append` takes a moment, as a database does."""

    def append(self, item: str) -> None:
        time.sleep(0.02)
        super().append(item)


# --- 5: a protected tool -------------------------------------------------------------------------


class AccountClosedError(Exception):
    """The bank says no, and will always say no."""


class Bank:
    """Pays deposits back, once for each key. `payments` has what it paid."""

    def __init__(self) -> None:
        """Has paid nothing yet."""
        self.payments: dict[str, tuple[str, float, str]] = {}
        self.loses_answers = False

    def pay(self, booking: str, amount: float, message: str, key: str) -> None:
        """Pays an amount back.

        Raises:
            AccountClosedError: The customer of booking 0000 has no account any more.
            ConnectionError: The answer was lost; nobody knows whether it has paid.
        """
        if booking == "0000":
            raise AccountClosedError("The account is closed.")
        self.payments.setdefault(key, (booking, amount, message))
        if self.loses_answers:
            raise ConnectionError("the bank's answer was lost")


GOOD_REFUND = {"message": "Sorry for the rain.", "booking": "4711", "amount": 40.0}

BAD_REFUNDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"amount": 0}, "an amount of 0"),
    ({"amount": 501}, "an amount of 501"),
    ({"amount": "40"}, "an amount that is a text"),
    ({"booking": "47"}, "a booking of two digits"),
    ({"booking": "47111"}, "a booking of five digits"),
    ({"message": "x" * 501}, "a message of 501 characters"),
    ({"amount": None}, "a call without an amount"),
    ({"booking": None}, "a call without a booking"),
    ({"to": "me"}, "an argument that is not in the spec"),
)


def protected_tool(tool: ProtectedTool, bank: Bank) -> str:
    """Checks exercise 5: the spec refuses what is wrong, and the function pays once."""

    def check() -> None:
        _expect(isinstance(tool, ProtectedTool), "expected a ProtectedTool.")
        _expect(tool.name == "refund_deposit", f'the tool is called "{tool.name}".')
        _expect(tool.content_field == "message", "the approver should read the message.")
        _expect("amount" in tool.editable, "the approver should be able to change the amount.")
        _check_spec(tool)
        _check_effect(tool, bank)

    return told(check)


def _check_spec(tool: ProtectedTool) -> None:
    tool.call(GOOD_REFUND)
    for change, what in BAD_REFUNDS:
        given = {k: v for k, v in {**GOOD_REFUND, **change}.items() if v is not None}
        try:
            tool.call(given)
        except InvalidCallError:
            continue
        raise NotYetError(f"the spec takes {what}.")


def _check_effect(tool: ProtectedTool, bank: Bank) -> None:
    bank.payments.clear()
    said = [tool.function(**GOOD_REFUND, idempotency_key="s-1/u-1") for _ in range(2)]
    paid = list(bank.payments.values())
    _expect(paid == [("4711", 40.0, "Sorry for the rain.")], f"called twice, it has paid {paid}.")
    _expect(all(isinstance(text, str) and text for text in said), "the model reads nothing of it.")
    tool.function(**GOOD_REFUND, idempotency_key="s-1/u-2")
    _expect(len(bank.payments) == 2, "another key is another payment.")
    try:
        tool.function(**{**GOOD_REFUND, "booking": "0000"}, idempotency_key="s-1/u-3")
    except tool.refused:
        pass
    else:
        raise NotYetError("a closed account must raise what the tool names as refused.")
    _check_lost_answer(tool, bank)


def _check_lost_answer(tool: ProtectedTool, bank: Bank) -> None:
    """A lost answer is a fault: the call is made again, with the same key."""
    bank.loses_answers = True
    try:
        tool.function(**GOOD_REFUND, idempotency_key="s-1/u-4")
    except tool.refused:
        raise NotYetError("a lost answer is no refusal: perhaps the bank has paid.") from None
    except Exception:
        return
    finally:
        bank.loses_answers = False
    raise NotYetError("a lost answer must stay an error: then the stack calls again.")


# --- 6: a long-running tool ----------------------------------------------------------------------


class AlreadyOrderedError(Exception):
    """The smith has an order of this name."""


class Smith:
    """Shoes unicorns, which takes days. `orders` has what is ordered."""

    def __init__(self) -> None:
        """Has no orders yet."""
        self.orders: dict[str, str] = {}
        self.done: set[str] = set()

    def order(self, name: str, unicorn: str) -> None:
        """Takes an order.

        Raises:
            AlreadyOrderedError: There is one of this name.
        """
        if name in self.orders:
            raise AlreadyOrderedError(name)
        self.orders[name] = unicorn

    def is_done(self, name: str) -> bool:
        """Tells whether an order is done."""
        return name in self.done

    def withdraw(self, name: str) -> None:
        """Gives an order back."""
        self.orders.pop(name, None)


def _wait(tool_use_id: str) -> Wait:
    now = int(time.time())
    return Wait("s-1", tool_use_id, "post-generator", "shoe", now, now + 86_400)


def long_running_tool(make: Callable[[Smith], LongTool]) -> str:
    """Checks exercise 6: start, look and cancel, as the library calls them."""

    def check() -> None:
        smith = Smith()
        tool = make(smith)
        _expect(isinstance(tool, LongTool), "expected what @long_running makes.")
        _check_definition(make, tool)
        _check_work(tool, smith, {"unicorn": "Aurora"})

    return told(check)


def _check_definition(make: Callable[[Smith], LongTool], tool: LongTool) -> None:
    lines = len(inspect.getsource(make).splitlines())
    _expect(lines < MAX_LINES, f"it has {lines} lines, and fewer than {MAX_LINES} are enough.")
    properties = tool.spec["inputSchema"]["json"]["properties"]
    _expect(list(properties) == ["unicorn"], f"the model sees the parameters {list(properties)}.")
    _expect(bool(tool.start.__doc__), "its docstring is what the model reads, and it has none.")
    is_long = callable(tool.within) or tool.within >= timedelta(days=1)
    _expect(is_long, "shoeing takes days, and the tool gives it less than one.")


def _check_work(tool: LongTool, smith: Smith, given: dict[str, Any]) -> None:
    first, second = _wait("u-1"), _wait("u-2")
    tool.begin(first, given)
    try:
        tool.begin(first, given)
    except AlreadyOrderedError:
        raise NotYetError(
            "after a crash the stack starts the same wait once more, and then your tool raised "
            "AlreadyOrderedError. It is ordered: that is well."
        ) from None
    _expect(list(smith.orders.values()) == ["Aurora"], f"after two starts: {smith.orders}.")
    tool.begin(second, given)
    _expect(len(smith.orders) == 2, "another wait is another order.")
    _expect(tool.can_look, "it cannot look: then anybody's message would be believed.")
    _expect(tool.ask_source(first, given) is None, "it has a result before the smith is done.")
    smith.done.update(smith.orders)
    _expect(isinstance(tool.ask_source(first, given), Result), "the smith is done: no Result.")
    tool.end(second, given)
    _expect(len(smith.orders) == 1, "nobody waits any more, and the order still stands.")


# --- 7: with your own hands ----------------------------------------------------------------------


def by_hand(stack: Any, session_id: str) -> str:
    """Checks exercise 7 by the stack's own records: denied, then approved with an edit."""

    def check() -> None:
        _expect(bool(session_id), "there is no session id.")
        waits = [w for w in stack.waits(session_id) if w["tool_name"] == "human_approval"]
        _expect(bool(waits), f"session {session_id} has asked nobody yet.")
        _expect(waits[0].get("decision") == "denied", "the first draft was not denied.")
        _expect(bool(waits[0].get("comment")), "it was denied without a comment.")
        edits = [w for w in waits[1:] if w.get("edited_content") is not None]
        _expect(bool(edits), "no later draft was approved with a text of your own.")
        posts = [post["content"] for post in stack.posts(session_id)]
        _expect(posts == [edits[-1]["edited_content"]], f"UniTok has {posts or 'no post yet'}.")

    return told(check)
