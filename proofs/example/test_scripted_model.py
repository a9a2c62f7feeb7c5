"""The scripted model: the real agent, tools that only record, and whole walks.

Every resume happens as in Lambda: a new agent, the conversation through JSON, the placeholder
replaced in place, and a call without a prompt.
"""

import json
import re
from pathlib import Path

import pytest
from strands import Agent
from strands.tools.tools import PythonAgentTool

from converse_stand_in import check_request
from longrunning import human_approval
from longrunning.agent.scripted.model import ScriptedModel
from longrunning.agent.scripted.reading import MAX_DRAFTS
from publish_post import TOOL_SPEC
from scripted_writer import draft_post, is_example, next_turn, play

NO_SCRIPT = Path(__file__).with_name("no_script.json")
"""Is not there."""

TASK = "Our unicorns now rent by the hour.\nBring your own carrots!"

ASK_SPEC = {
    "name": "human_approval",
    "description": "Asks a person.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {"content": {"type": "string"}, "arguments": {"type": "object"}},
            "required": ["content"],
        }
    },
}


def approved(content, edited=False):
    return "success", {
        "decision": "approved",
        "decided_by": "link",
        "comment": None,
        "content": content,
        "edited": edited,
        "next": "Call publish_post with exactly this content.",
    }


def denied(comment):
    return "error", {
        "decision": "denied",
        "decided_by": "link",
        "comment": comment,
        "next": "Revise or stop; do not ask for the same text again.",
    }


class Walk:
    """One session: runs until the model waits or ends, and is decided from outside."""

    def __init__(self, task, publish=lambda tool_input: "Published as post 17."):
        self.asked = []
        self.published = []
        self._publish = publish
        self.messages = []
        self.run(task)

    def decide(self, status, outcome):
        """Answers the waiting tool use; `outcome` is a JSON object or a text."""
        results = self.messages[-1]["content"]
        text = outcome if isinstance(outcome, str) else json.dumps(outcome)
        results[0]["toolResult"].update(status=status, content=[{"text": text}])
        self.run(None)

    @property
    def draft(self):
        return self.asked[-1]["content"]

    @property
    def waits(self):
        return self.messages[-1]["role"] == "user"

    @property
    def last_words(self):
        return self.messages[-1]["content"][0]["text"]

    @property
    def tool_uses(self):
        return [
            block["toolUse"]
            for message in self.messages
            for block in message["content"]
            if "toolUse" in block
        ]

    def run(self, prompt):
        agent = Agent(
            model=ScriptedModel(NO_SCRIPT, stories=[play]),
            messages=json.loads(json.dumps(self.messages)),
            tools=[
                PythonAgentTool("human_approval", ASK_SPEC, self._human_approval),
                PythonAgentTool("publish_post", TOOL_SPEC, self._publish_post),
            ],
            callback_handler=None,
        )
        agent(prompt, invocation_state={"request_state": {}})
        self.messages = agent.messages

    def _human_approval(self, tool_use, **kwargs):
        self.asked.append(tool_use["input"])
        kwargs["request_state"]["stop_event_loop"] = True
        kwargs["agent"].cancel(after_current_tools=True)
        return result(tool_use, "success", "waiting")

    def _publish_post(self, tool_use, **kwargs):
        self.published.append(tool_use["input"])
        try:
            return result(tool_use, "success", self._publish(tool_use["input"]))
        except ValueError as error:
            return result(tool_use, "error", str(error))


def result(tool_use, status, text):
    return {"toolUseId": tool_use["toolUseId"], "status": status, "content": [{"text": text}]}


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        "Why rent a unicorn?",
        "  leading and trailing space \n",
        'Grüße an alle 🦄 <b>& "friends"</b>',
        "x" * 20_000,
    ],
    ids=["lines", "question", "spaces", "unicode", "long"],
)
def test_draft_carries_the_task_as_it_came(task):
    walk = Walk(task)

    assert task in walk.draft
    assert walk.draft != task
    assert walk.waits
    assert walk.published == []


def test_tasks_get_different_openings():
    drafts = [draft_post(f"task {n}") for n in range(20)] + [draft_post("Why?")]

    assert len({draft.split("\n")[0] for draft in drafts}) == 4


def test_approved_draft_is_published_exactly():
    walk = Walk(TASK)
    draft = walk.draft

    walk.decide(*approved(draft))

    assert walk.published == [{"content": draft}]
    assert len(walk.asked) == 1
    assert walk.last_words == "Done. Published as post 17."


def test_edited_text_is_published_as_edited():
    walk = Walk(TASK)

    walk.decide(*approved("Unicorns, by the hour.\n", edited=True))

    assert walk.published == [{"content": "Unicorns, by the hour.\n"}]
    assert len(walk.asked) == 1
    assert any("edited" in block.get("text", "") for m in walk.messages for block in m["content"])


def test_denied_draft_is_revised_with_the_comment():
    walk = Walk(TASK)
    first = walk.draft

    walk.decide(*denied('too long, "please"'))

    assert walk.waits
    assert walk.published == []
    assert '(revised: too long, "please")' in walk.draft
    assert TASK in walk.draft
    assert len(walk.draft) < len(first)


def test_revised_draft_can_be_approved():
    walk = Walk(TASK)
    walk.decide(*denied("say please"))

    walk.decide(*approved(walk.draft))

    assert walk.published == [{"content": walk.asked[1]["content"]}]
    assert not walk.waits


@pytest.mark.parametrize("comment", [None, "", "the same comment each time"])
def test_no_draft_is_asked_about_twice(comment):
    walk = Walk(TASK)
    walk.decide(*denied(comment))
    walk.decide(*denied(comment))

    drafts = [asked["content"] for asked in walk.asked]
    assert len(set(drafts)) == MAX_DRAFTS == 3
    assert all(TASK in draft for draft in drafts)


def test_three_denials_end_the_task_unpublished():
    walk = Walk(TASK)
    for comment in ("no", "still no", "never"):
        assert walk.waits
        walk.decide(*denied(comment))

    assert not walk.waits
    assert len(walk.asked) == 3
    assert walk.published == []
    assert "Nothing was published" in walk.last_words


@pytest.mark.parametrize("decision", ["expired", "cancelled"])
def test_expired_or_cancelled_approval_ends_the_task(decision):
    walk = Walk(TASK)

    walk.decide("error", {"decision": decision, "next": "Stop."})

    assert not walk.waits
    assert len(walk.asked) == 1
    assert walk.published == []
    assert "Nothing was published" in walk.last_words


def test_refused_post_ends_the_task_and_says_why():
    def refuse(tool_input):
        raise ValueError("The receiver refused the post (422): content: too big")

    walk = Walk(TASK, publish=refuse)
    walk.decide(*approved(walk.draft))

    assert not walk.waits
    assert len(walk.published) == 1
    assert "could not finish" in walk.last_words
    assert "content: too big" in walk.last_words


def test_denied_publish_call_is_revised_too():
    def deny(tool_input):
        raise ValueError(json.dumps(denied("not like this")[1]))

    walk = Walk(TASK, publish=deny)
    walk.decide(*approved(walk.draft))

    assert walk.waits
    assert "(revised: not like this)" in walk.draft


@pytest.mark.parametrize(
    ("status", "last_words"),
    [("success", "Done. Published as post 17."), ("error", "I could not finish this task. No.")],
)
def test_what_the_gate_published_already_is_not_published_again(status, last_words):
    walk = Walk(TASK)
    result = "Published as post 17." if status == "success" else "No."

    walk.decide(status, {**approved(walk.draft)[1], "result": result})

    assert not walk.waits
    assert walk.published == []
    assert walk.last_words == last_words


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("success", "ok"),
        ("success", '{"decision": "maybe"}'),
        ("success", '{"decision": "approved"}'),
        ("success", "[" * 100_000),
        ("error", "content: expected at most 262144 bytes"),
    ],
)
def test_nothing_is_published_on_an_answer_it_cannot_read(status, text):
    walk = Walk(TASK)

    walk.decide(status, text)

    assert not walk.waits
    assert walk.published == []
    if status == "error":
        assert text in walk.last_words


@pytest.mark.parametrize(
    ("task", "arguments"),
    [
        ("Praise the Pink unicorn, then the blue one.", {"unicorn_color": "pink"}),
        ("Praise the bluebird.", None),
        (TASK, None),
    ],
)
def test_the_first_colour_word_is_the_unicorns_colour(task, arguments):
    walk = Walk(task)
    walk.decide(*denied("no"))
    walk.decide(*approved(walk.draft))

    assert [asked.get("arguments") for asked in walk.asked] == [arguments, arguments]
    assert walk.published == [{"content": walk.draft, **(arguments or {})}]


def test_the_same_conversation_gets_the_same_answer():
    walk, again = Walk(TASK), Walk(TASK)

    assert walk.messages[1]["content"] == again.messages[1]["content"]


def test_tool_use_ids_are_unique_in_a_session_and_fit_converse():
    walk = Walk(TASK)
    walk.decide(*denied("no"))
    walk.decide(*denied("no"))
    walk.decide(*approved(walk.draft))

    ids = [use["toolUseId"] for use in walk.tool_uses]
    assert len(ids) == len(set(ids)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool_use_id) for tool_use_id in ids)


def test_a_later_task_of_a_session_starts_afresh():
    walk = Walk(TASK)
    for _ in range(3):
        walk.decide(*denied("no"))

    walk.run("Another task")

    assert walk.waits
    assert "Another task" in walk.draft
    assert "revised" not in walk.draft

    walk.decide(*denied("no"))

    assert walk.waits
    assert "(revised: no)" in walk.draft


def test_the_same_task_again_gets_a_tool_use_id_of_its_own():
    walk = Walk(TASK)
    walk.decide(*approved(walk.draft))

    walk.run(TASK)

    assert walk.asked[0] == walk.asked[1]
    ids = [use["toolUseId"] for use in walk.tool_uses]
    assert len(ids) == len(set(ids)) == 3


def test_a_conversation_without_a_task_is_an_error():
    with pytest.raises(ValueError, match="gives a task"):
        next_turn([])


def test_structured_output_is_not_offered():
    with pytest.raises(NotImplementedError):
        ScriptedModel(NO_SCRIPT, stories=[play]).structured_output(object, [])


def test_its_conversation_keeps_converses_rules():
    walk = Walk(TASK)
    walk.decide(*denied("no"))
    walk.decide(*approved(walk.draft))

    tools = [{"toolSpec": spec} for spec in (ASK_SPEC, TOOL_SPEC)]
    messages = [{"role": m["role"], "content": m["content"]} for m in walk.messages]
    for end in range(1, len(messages), 2):
        check_request(
            "Converse",
            {"modelId": "m", "messages": messages[:end], "toolConfig": {"tools": tools}},
        )
    assert len(messages) == 8


def test_the_example_is_played_only_where_its_two_tools_are_all_there_is():
    ask, publish = human_approval.TOOL_SPEC, TOOL_SPEC
    other = {**TOOL_SPEC, "inputSchema": {"json": {"type": "object", "properties": {"n": {}}}}}
    assert is_example([ask, publish])
    assert not is_example([])
    assert not is_example([publish])
    assert not is_example([ask, publish, {**publish, "name": "send_note"}])
    assert not is_example([ask, other])
