"""The adopter's own script: what is wrong with it is said, and where."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import aws_template
from longrunning.agent.scripted.turns import NAME, Turns, play, read

TASK = "Refund order 17."
NAMES = ["lookup_order", "send_refund"]


def user(*content: Any) -> Any:
    return {"role": "user", "content": list(content)}


def script(tmp_path: Path, turns: Any) -> Turns:
    path = tmp_path / "script.json"
    path.write_text(turns if isinstance(turns, str) else json.dumps(turns))
    found = read(path)
    assert found
    return found


def said(turns: Turns) -> str:
    [block] = play([user({"text": TASK})], turns, NAMES)
    return block["text"]


def test_without_a_file_there_is_no_script(tmp_path: Path) -> None:
    assert read(tmp_path / "script.json") is None


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ("[", "it is no JSON: Expecting value: line 1 column 2"),
        ("[" * 100_000, "it is no JSON"),
        ({}, "expected a list of turns"),
        ([], "expected a list of turns"),
        ([7], 'turn 1: expected a text, or a list of {"tool"'),
        ([{"tool": "send_refund", "input": {}}], "turn 1: expected a text, or a list of"),
        ([[{"tool": "send_refund", "input": []}]], "turn 1: expected"),
        ([[{"name": "send_refund"}]], "turn 1: expected"),
        ([[{"tool": "send_refund"}], [{"tool": 7}]], "turn 2: expected"),
        ([[]], "turn 1: expected a call in it"),
        ([["words alone"]], "turn 1: expected a call in it"),
        ([" "], "turn 1: expected a text that is not empty"),
        (["The end.", [{"tool": "send_refund"}]], "turn 1 is a text, which ends the task"),
        ([[{"tool": "send_rfund"}]], "turn 1 calls send_rfund, and there is no such tool"),
    ],
)
def test_what_is_wrong_with_a_script_is_in_the_last_words(
    tmp_path: Path, turns: Any, words: str
) -> None:
    told = said(script(tmp_path, turns))
    assert told.startswith(f"I could not play {NAME}: ")
    assert words in told


def test_an_unknown_tool_is_named_beside_those_that_there_are(tmp_path: Path) -> None:
    told = said(script(tmp_path, [[{"tool": "x"}]]))
    assert told.endswith("There are: lookup_order, send_refund.")


def test_the_task_takes_its_place_however_deep(tmp_path: Path) -> None:
    given = {"lines": [{"text": "<{task}>"}], "n": 1, "{task}": True}
    turns = script(tmp_path, [["Now: {task}", {"tool": "send_refund", "input": given}]])
    words, block = play([user({"text": TASK})], turns, NAMES)
    assert words == {"text": f"Now: {TASK}"}
    assert block["toolUse"]["input"] == {**given, "lines": [{"text": f"<{TASK}>"}]}


def test_the_script_of_the_guide_is_one(tmp_path: Path) -> None:
    guide = (aws_template.ROOT / "docs/adapt.md").read_text()
    [example] = re.findall(r"^```json\n(\[.*?)^```$", guide, re.M | re.S)
    turns = script(tmp_path, example)
    assert (len(turns.turns), turns.problem) == (3, "")


def test_the_same_call_twice_in_a_turn_has_two_ids(tmp_path: Path) -> None:
    turns = script(tmp_path, [[{"tool": "lookup_order"}, {"tool": "lookup_order"}]])
    ids = [b["toolUse"]["toolUseId"] for b in play([user({"text": TASK})], turns, NAMES)]
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", i) for i in ids)


def test_a_later_task_of_a_session_starts_the_script_afresh(tmp_path: Path) -> None:
    turns = script(tmp_path, [[{"tool": "lookup_order"}], "The end: {task}"])
    [block] = play([user({"text": TASK})], turns, NAMES)
    use_id = block["toolUse"]["toolUseId"]
    result = {"toolUseId": use_id, "status": "success", "content": [{"text": "paid"}]}
    messages = [
        user({"text": TASK}),
        {"role": "assistant", "content": [block]},
        user({"toolResult": result}),
    ]
    [words] = play(messages, turns, NAMES)
    assert words == {"text": f"The end: {TASK}"}
    messages += [{"role": "assistant", "content": [words]}, user({"text": "Another"})]
    [again] = play(messages, turns, NAMES)
    assert again["toolUse"]["toolUseId"] != use_id
