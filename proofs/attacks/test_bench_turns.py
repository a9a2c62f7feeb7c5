"""`make bench cycle` has its contenders take turns, and notes what a peer cannot do."""

import pytest
from benchmarks.cycle.contender import Contender, Cycle
from benchmarks.cycle.conversation import Conversation
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.turns import in_turns

SIZE = 2


class Walks:
    """Contenders that note their cycles; one of them can do only so many."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.meter = Meter()

    def contender(self, name: str, most: int = 99, is_peer: bool = True) -> Contender:
        """Makes one that fails after so many cycles."""

        def open_session(conversation: Conversation) -> Cycle:
            def cycle() -> None:
                if self.seen.count(name) == most:
                    raise RuntimeError("Item size exceeds the maximum allowed size")
                with self.meter.measured():
                    self.seen.append(name)

            if not most:
                cycle()
            return cycle

        return Contender(name, open_session, is_peer=is_peer)


@pytest.fixture
def walks() -> Walks:
    return Walks()


def test_all_take_turns_and_the_rest_goes_on(walks: Walks) -> None:
    ours, peer = walks.contender("ours", is_peer=False), walks.contender("peer")
    rows = in_turns([ours, peer], walks.meter, SIZE, False, lambda c: 2 if c.is_peer else 4)
    assert walks.seen == ["ours", "peer", "ours", "peer", "ours", "ours"]
    assert [len(row.cell.usages) for row in rows] == [4, 2]
    assert [len(row.cell.cpu_ms) for row in rows] == [4, 2]
    assert {row.cell.failure for row in rows} == {""}


@pytest.mark.parametrize("most", [0, 2])
def test_what_a_peer_cannot_do_is_its_last_result(walks: Walks, most: int) -> None:
    rows = in_turns(
        [walks.contender("peer", most), walks.contender("other")],
        walks.meter,
        SIZE,
        False,
        lambda _: 5,
    )
    assert [len(row.cell.usages) for row in rows] == [most, 5]
    assert rows[0].cell.failure == "an item over 400 KB"


def test_what_this_project_cannot_do_is_an_error(walks: Walks) -> None:
    with pytest.raises(RuntimeError, match="allowed size"):
        in_turns([walks.contender("ours", 1, is_peer=False)], walks.meter, SIZE, False, lambda _: 5)
