"""What a session costs that asks again and again: counts and units, never times.

`make bench` measures the same beside what else one could use; here a change that makes it grow
fails. Units are DynamoDB's: a write is billed on the larger of the old and the new item.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from benchmarks.cycle.prices import WRITES, Usage, mean
from benchmarks.recorder import Recorder

from converse_stand_in import Request, tool_use
from core_samples import changed
from longrunning.messages import tool_result
from longrunning.sessions import SessionStore
from longrunning.waits.item import Status
from sample_world import World
from wait_store import WaitStore

MOST_DOLLARS, MOST_DOLLARS_OF_ONE = 6.1, 11.4
"""Per million cycles, list price of storage: of the mean, and of the dearest single cycle."""
EARLIER = "Earlier in this conversation somebody said something, and it took a while to say. " * 5
POST = (
    "Meet our brand new rainbow unicorn! She loves long walks, sparkling lakes and carrying small "
    "humans over meadows. Book her from Monday on: ride number"
)


def goes_on_asking() -> Any:
    """A model that publishes what is approved, and then asks for the next post."""
    numbers = iter(range(1_000_000))

    def turn(request: Request) -> list[dict[str, Any]]:
        number = next(numbers)
        uses = [b["toolUse"] for b in request["messages"][-2:][0]["content"] if "toolUse" in b]
        if uses and uses[0]["name"] == "human_approval":
            return [tool_use(f"tooluse_{number:022d}", "publish_post", uses[0]["input"])]
        content = {"content": f"{POST} {number}."}
        return [tool_use(f"tooluse_{number:022d}", "human_approval", content)]

    return turn


def cycles(world: World, recorder: Recorder, earlier: int, most: int) -> Iterator[Usage]:
    """A session that has so many more messages, cycle after cycle."""
    world.play(goes_on_asking())
    session_id = world.start()
    lengthen(world, session_id, earlier)
    for _ in range(most):
        (mail,) = world.read_mail()
        recorder.take()
        assert world.click(mail.links["approve"])["status_code"] == 200
        world.deliver()
        yield recorder.take()


def cycle_after(world: World, recorder: Recorder, asked: int) -> Usage:
    """One cycle of a session that has asked so often before, and been answered."""
    world.play(goes_on_asking())
    session_id = world.start()
    seed(world, session_id, asked)
    mail = world.read_mail()[-1]
    recorder.take()
    assert world.click(mail.links["approve"])["status_code"] == 200
    world.deliver()
    return recorder.take()


def seed(world: World, session_id: str, asked: int) -> None:
    """Puts questions before the open one: in the conversation, and each with its record."""
    (waiting,) = world.approvals(session_id)
    store = WaitStore(world.aws["dynamodb"], world.env["APPROVALS_TABLE_NAME"])
    earlier: list[dict[str, Any]] = []
    for n in range(asked):
        tool_use_id, content = f"tooluse_asked_{n}", f"{POST} asked {n}. {EARLIER}"
        use = tool_use(tool_use_id, "human_approval", {"content": content})
        said = json.dumps({"decision": "approved", "content": content})
        result = tool_result(tool_use_id, "success", said)
        earlier += [
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [{"toolResult": result}]},
        ]
        earlier_one = changed(waiting, tool_use_id=tool_use_id, content=content)
        store.put_if_absent(replace(earlier_one, status=Status.SPENT, due_at=None))
    _put_after_the_task(world, session_id, earlier)


def lengthen(world: World, session_id: str, count: int) -> None:
    """Puts so many messages after the task: calls of a tool, and what each came to."""
    earlier: list[dict[str, Any]] = []
    for n in range(count // 2):
        use = tool_use(f"tooluse_earlier_{n}", "publish_post", {"content": EARLIER})
        result = {"toolUseId": f"tooluse_earlier_{n}", "status": "success"}
        said = {"toolResult": {**result, "content": [{"text": EARLIER}]}}
        earlier += [
            {"role": "assistant", "content": [use], "tracking_id": f"{2 * n:036d}"},
            {"role": "user", "content": [said], "tracking_id": f"{2 * n + 1:036d}"},
        ]
    _put_after_the_task(world, session_id, earlier)


def _put_after_the_task(world: World, session_id: str, earlier: list[dict[str, Any]]) -> None:
    store = SessionStore(
        world.aws["dynamodb"],
        world.env["SESSIONS_TABLE_NAME"],
        world.aws["s3"],
        world.env["STATE_BUCKET_NAME"],
    )
    session = world.session(session_id)
    task, *rest = session.messages
    store.save(replace(session, messages=[task, *earlier, *rest]), fence=0)


@pytest.mark.parametrize(
    ("earlier", "most"),
    [(8, 20), (200, 12), (960, 8)],
    ids=["short", "long", "beyond the window"],
)
def test_cycles_cost_the_same_however_long_the_conversation_is(
    world: World, recorder: Recorder, earlier: int, most: int
) -> None:
    used = list(cycles(world, recorder, earlier, most))
    average = mean(used)
    assert average.write_units <= 8.9  # the approval 6, its index's 2 among them; the session
    assert average.read_units <= 3  # the session; beyond the window, whether an id was used
    assert average.s3_requests.get("PutObject", 0) <= 0.1
    assert average.s3_requests.get("GetObject", 0) <= 1
    assert average.coordination <= 10.0
    assert average.conditional_writes == 5  # C2 to C6, and all of them are
    print(
        "DOLLARS",
        average.dollars,
        max(usage.dollars for usage in used),
        average.write_units,
        average.read_units,
        dict(average.s3_requests),
    )
    assert average.dollars <= MOST_DOLLARS
    assert max(usage.dollars for usage in used) <= MOST_DOLLARS_OF_ONE


def test_a_cycle_reads_no_more_after_200_approvals_than_after_none(
    world: World, recorder: Recorder
) -> None:
    first, last = (cycle_after(world, recorder, asked) for asked in (0, 200))
    assert last.read_units <= 1.05 * first.read_units
    assert first.calls["dynamodb Query"] == last.calls["dynamodb Query"] == 1
    assert "dynamodb GetItem" not in last.calls


def test_an_approval_takes_9_write_units_those_of_the_index_included(
    world: World, recorder: Recorder
) -> None:
    content = {"content": f"{POST} 1."}
    world.play(
        [
            [tool_use("ask-1", "human_approval", content)],
            [tool_use("post-1", "publish_post", content)],
            "Done.",
        ]
    )
    world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_all()
    writes = [call for call in recorder.calls if call.operation in WRITES]
    # C1 to C6. C2 puts an entry into the index of open ones, C4 takes it out.
    assert [call.write_units for call in writes] == [1, 2, 1, 2, 1, 2]
