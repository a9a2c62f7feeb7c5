"""What a whole task of each kind of wait takes: the figures of `make bench waits`, counts alone.

A change that makes one grow fails here, and has to say why there.
"""

import pytest
from benchmarks import scale
from benchmarks.cycle.prices import Usage
from benchmarks.recorder import write_units
from benchmarks.waits import kinds, table

import aws_template
from unitok_posts import PostStore
from unitok_requests import Submission
from world import World

TAKES = {
    kinds.NOTHING: (2, 1, 1, 0),
    kinds.APPROVAL: (11, 6, 9, 1),
    kinds.PROTECTED: (11, 6, 8, 1),
    kinds.PEOPLE: (14, 7, 13, 3),
    kinds.QUESTION: (11, 5, 7, 2),
    kinds.TIMER: (27, 6, 10, 10),
    kinds.JOB: (13, 5, 7, 4),
    kinds.AGENT: (20, 6, 9, 7),
    kinds.SWEEP: (10, 0, 0, 4),
}
"""Calls for coordination, conditional writes among them, write units, read units: at most."""


@pytest.mark.parametrize("kind", TAKES)
def test_a_task_of_each_kind_takes_no_more(kind: str) -> None:
    usage = kinds.count(kind)
    took = (usage.coordination, usage.conditional_writes, usage.write_units, usage.read_units)
    assert all(found <= most for found, most in zip(took, TAKES[kind], strict=True)), took
    assert not usage.s3_requests


def test_every_kind_has_its_row() -> None:
    assert [*TAKES] == [*kinds.KINDS, kinds.SWEEP]
    usage = Usage({"sqs SendMessage": 2, "sqs ReceiveMessage": 1}, {"t": 3}, {"t": 1.5}, 1)
    (row,) = table({"a kind": usage}).rows
    assert row == ("a kind", "2.06", 2, 1, 3, "1.5")


def test_a_post_is_an_item_and_its_copy_in_the_index(world: World) -> None:
    """What `benchmarks/scale.py` says on paper."""
    name = world.pocket.dynamodb.add_table(aws_template.table_properties("PostsTable"))
    PostStore(world.aws["dynamodb"], name).put_once("key", Submission("A post."), now_ns=1)
    table = world.pocket.dynamodb.table(name)
    (item,) = table.all()
    assert write_units(table, None, item) == scale.POST_WRITE_UNITS
