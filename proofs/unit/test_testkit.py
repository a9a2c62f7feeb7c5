"""The face of the test kit: one copy of each part, under every name, and what it says of misuse."""

import pathlib
import re

import pytest
from pocket.queues import MAX_MESSAGE_BYTES

import aws_template
import converse_stand_in
import longrunning_testkit
import pocket
from longrunning_testkit import Receiver
from longrunning_testkit.agents import no_script

KIT = pathlib.Path(longrunning_testkit.__file__).parent


def test_an_old_name_is_the_same_module() -> None:
    import longrunning_testkit.converse_stand_in
    import longrunning_testkit.pocket
    import longrunning_testkit.pocket.queues

    assert converse_stand_in is longrunning_testkit.converse_stand_in
    assert pocket is longrunning_testkit.pocket
    assert pocket.queues is longrunning_testkit.pocket.queues
    assert MAX_MESSAGE_BYTES == longrunning_testkit.pocket.queues.MAX_MESSAGE_BYTES


def test_the_guide_tells_of_every_name_that_is_exported() -> None:
    guide = (aws_template.ROOT / "docs/testing.md").read_text()
    for name in longrunning_testkit.__all__:
        assert re.search(rf"\b{name}\b", guide), name


def test_the_kit_imports_nothing_of_the_example() -> None:
    import example_modules

    for path in KIT.rglob("*.py"):
        found = set(re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.M))
        assert not found & example_modules.MODULES, path


def test_a_receiver_makes_one_effect_for_each_key() -> None:
    receiver = Receiver("Sent.")
    assert [receiver(idempotency_key=key, text="Hi") for key in "aab"] == ["Sent."] * 3
    assert receiver.made == [{"text": "Hi"}, {"text": "Hi"}]


def test_a_receiver_that_raises_makes_nothing() -> None:
    receiver = Receiver(OSError("down"))
    with pytest.raises(OSError, match="down"):
        receiver(idempotency_key="a", text="Hi")
    assert receiver.made == []


def test_a_world_without_a_script_says_so() -> None:
    with pytest.raises(AssertionError, match="the model has no script"):
        no_script()
