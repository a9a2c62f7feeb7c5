"""The stand-in for Bedrock: every rule that it enforces, broken once."""

import copy
import json
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from strands import Agent, tool
from strands.models import BedrockModel
from strands.types.exceptions import ModelThrottledException

from converse_stand_in import (
    ConverseStandIn,
    RuleBrokenError,
    ScriptExhaustedError,
    StandInError,
    StandInSession,
    stream_events,
    text,
    throttled,
    tool_use,
)

TOOL_CONFIG = {
    "tools": [
        {
            "toolSpec": {
                "name": "count",
                "description": "Counts.",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }
        }
    ]
}


def result(tool_use_id, **overrides):
    answer = {"toolUseId": tool_use_id, "status": "success", "content": [{"text": "done"}]}
    return {"toolResult": {**answer, **overrides}}


def a_request():
    """A request that breaks no rule: two tool uses in one turn, both answered."""
    return {
        "modelId": "model",
        "system": [text("Be kind.")],
        "messages": [
            {"role": "user", "content": [text("count")]},
            {
                "role": "assistant",
                "content": [
                    text("I count."),
                    tool_use("one", "count", {"n": 1}),
                    tool_use("two", "count", {"n": 2.5}),
                ],
            },
            {"role": "user", "content": [result("one"), result("two", status="error")]},
        ],
        "toolConfig": copy.deepcopy(TOOL_CONFIG),
    }


def use_of(request, index=1):
    return request["messages"][1]["content"][index]["toolUse"]


def result_of(request, index=0):
    return request["messages"][2]["content"][index]["toolResult"]


def drop_first_message(request):
    del request["messages"][0]


def begin_with_assistant(request):
    request["messages"] = [{"role": "assistant", "content": [text("hello")]}]


def two_users_in_a_row(request):
    request["messages"].insert(0, {"role": "user", "content": [text("hello")]})


def end_with_assistant(request):
    request["messages"].append({"role": "assistant", "content": [text("done")]})


def leave_one_unanswered(request):
    del request["messages"][2]["content"][1]


def answer_none(request):
    request["messages"][2]["content"] = [text("never mind")]


def answer_twice(request):
    request["messages"][2]["content"].append(result("one"))


def answer_what_nobody_asked(request):
    request["messages"][2]["content"].append(result("three"))


def answer_one_turn_late(request):
    late = request["messages"][2]["content"].pop()
    request["messages"] += [
        {"role": "assistant", "content": [text("well")]},
        {"role": "user", "content": [late]},
    ]


def text_before_results(request):
    request["messages"][2]["content"].insert(0, text("here"))


def result_from_the_assistant(request):
    request["messages"][1]["content"].append(result("one"))


def use_by_the_user(request):
    request["messages"][0]["content"].append(tool_use("zero", "count", {}))


def same_id_twice_in_a_turn(request):
    use_of(request, 2)["toolUseId"] = "one"
    del request["messages"][2]["content"][1]


def id_of_an_earlier_turn(request):
    request["messages"] += [
        {"role": "assistant", "content": [tool_use("one", "count", {})]},
        {"role": "user", "content": [result("one")]},
    ]


def set_block(index, **block):
    def breach(request):
        request["messages"][index]["content"] = [block]

    return breach


def set_input(**tool_input):
    return lambda request: use_of(request).update(input=tool_input)


def set_result(**fields):
    return lambda request: result_of(request).update(**fields)


def set_id(tool_use_id):
    def breach(request):
        use_of(request)["toolUseId"] = result_of(request)["toolUseId"] = tool_use_id

    return breach


def set_spec(**fields):
    return lambda request: request["toolConfig"]["tools"][0]["toolSpec"].update(**fields)


def drop_input_schema(request):
    del request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]


def declare_a_tool_twice(request):
    request["toolConfig"]["tools"] *= 2


# What the test is called: the breach, and the part of the complaint that names the rule.
BREACHES = {
    "the user begins": (drop_first_message, "the user begins"),
    "the assistant does not begin": (begin_with_assistant, "the user begins"),
    "roles alternate": (two_users_in_a_row, r"messages\[1\].role: expected assistant"),
    "the user speaks last": (end_with_assistant, "the user's message at the end"),
    "roles are user or assistant": (
        lambda r: r["messages"][0].update(role="system"),
        r"messages\[0\].role",
    ),
    "every tool use is answered": (leave_one_unanswered, r"toolResults for .*'two'\]$"),
    "tool uses are answered in the next message": (answer_none, r"messages\[2\]: .*toolResults"),
    "an answer does not come a turn late": (answer_one_turn_late, r"messages\[2\]: .*toolResults"),
    "a tool use is answered once": (answer_twice, "not two"),
    "nothing else is answered": (answer_what_nobody_asked, "alone$"),
    "tool results come before text": (text_before_results, "before any other block"),
    "tool results are the user's": (result_from_the_assistant, "in a user's message alone"),
    "tool uses are the assistant's": (use_by_the_user, "in an assistant's message alone"),
    "a turn's tool use ids differ": (same_id_twice_in_a_turn, "ids of their own"),
    "a conversation's tool use ids differ": (id_of_an_earlier_turn, "no earlier message has"),
    "there are messages": (lambda r: r.update(messages=[]), "at least one"),
    "content is not empty": (lambda r: r["messages"][0].update(content=[]), "at least one block"),
    "text is not empty": (set_block(0, text=""), "not blank"),
    "text is not blank": (set_block(0, text=" \n"), "not blank"),
    "text is Unicode": (set_block(0, text="\ud800"), "JSON can hold"),
    "system text is not blank": (lambda r: r.update(system=[text(" ")]), r"system\[0\]"),
    "a block is of one kind": (set_block(0, text="a", cachePoint={"type": "default"}), "union"),
    "a block is of a known kind": (set_block(0, note="a"), "Unknown parameter"),
    "a result's content is not empty": (set_result(content=[]), "at least one block"),
    "a result's text is not blank": (set_result(content=[text("")]), "not blank"),
    "a result's json is an object": (set_result(content=[{"json": [1]}]), "an object"),
    "a result's status is success or error": (set_result(status="pending"), "success or error"),
    "ids are short": (set_id("x" * 65), "toolUseId"),
    "ids keep to the pattern": (set_id("a/b"), "toolUseId"),
    "tool names keep to the pattern": (lambda r: use_of(r).update(name="a b"), r"\.name"),
    "inputs are objects": (lambda r: use_of(r).update(input=[1]), "input: expected an object"),
    "inputs hold no Decimal": (set_input(n=Decimal("2.5")), "decimal.Decimal"),
    "inputs hold no NaN": (set_input(n=float("nan")), "JSON can hold"),
    "inputs hold no bytes": (set_input(n=b"x"), "bytes"),
    "inputs hold Unicode": (set_input(n="\ud800"), "JSON can hold"),
    "results hold no Decimal": (set_result(content=[{"json": {"n": Decimal(1)}}]), "Decimal"),
    "results hold no NaN": (set_result(content=[{"json": {"n": float("inf")}}]), "JSON can hold"),
    "tools are declared": (lambda r: r.pop("toolConfig"), "toolConfig: expected the tools"),
    "a tool has an input schema": (drop_input_schema, "inputSchema"),
    "an input schema is of an object": (
        set_spec(inputSchema={"json": {"type": "string"}}),
        "inputSchema.json: expected a schema",
    ),
    "an input schema holds no Decimal": (
        set_spec(inputSchema={"json": {"type": "object", "maxProperties": Decimal(1)}}),
        "decimal.Decimal",
    ),
    "declared names keep to the pattern": (set_spec(name="a b"), r"\.name"),
    "declared names differ": (declare_a_tool_twice, "names of their own"),
    "there is a model": (lambda r: r.pop("modelId"), "modelId"),
    "there are no unknown parameters": (lambda r: r.update(temperature=1), "temperature"),
    "parameters keep their types": (
        lambda r: r.update(inferenceConfig={"maxTokens": "many"}),
        "maxTokens",
    ),
}


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_a_request_that_keeps_the_rules_is_answered(operation):
    stand_in = ConverseStandIn(["hello"])

    getattr(stand_in, operation)(**a_request())

    assert stand_in.requests == [a_request()]
    stand_in.assert_finished()


@pytest.mark.parametrize(("breach", "complaint"), BREACHES.values(), ids=BREACHES.keys())
def test_rule(breach, complaint):
    request = a_request()
    breach(request)
    stand_in = ConverseStandIn(["hello"])

    for operation in (stand_in.converse, stand_in.converse_stream):
        with pytest.raises(RuleBrokenError, match=complaint):
            operation(**request)

    assert stand_in.requests == []


def test_an_exhausted_script_says_so():
    stand_in = ConverseStandIn(["hello"])
    stand_in.converse(**a_request())

    with pytest.raises(ScriptExhaustedError, match="call 2, but the script has 1 turns"):
        stand_in.converse(**a_request())


def test_turns_that_were_never_played_are_told():
    with pytest.raises(AssertionError, match="1 of 1 turns"):
        ConverseStandIn(["hello"]).assert_finished()


def test_a_script_may_be_a_function_of_the_request():
    stand_in = ConverseStandIn(lambda request: f"{len(request['messages'])} messages")

    answer = stand_in.converse(**a_request())

    assert answer["output"]["message"]["content"] == [text("3 messages")]


def test_a_script_cannot_make_the_model_break_a_rule():
    for turn in ([], [text("")], [tool_use("a/b", "count", {})], [result("one")]):
        with pytest.raises(RuleBrokenError):
            ConverseStandIn([turn]).converse(**a_request())


def test_requests_are_recorded_as_they_were():
    request = a_request()
    stand_in = ConverseStandIn(["hello"])
    stand_in.converse(**request)

    request["messages"].clear()

    assert stand_in.requests == [a_request()]


def test_events_have_the_shapes_of_the_service():
    content = [text("a text of more than one piece"), tool_use("one", "count", {"n": [1, "zwei"]})]
    shape = (
        ConverseStandIn([]).meta.service_model.operation_model("ConverseStream").output_shape
    ).members["stream"]

    events = list(stream_events(content))

    for event in events:
        report = ParamValidator().validate(event, shape)
        assert not report.has_errors(), report.generate_report()
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]
    assert names.count("contentBlockStart") == 1, "a text block has no start event"
    assert names.count("contentBlockStop") == 2
    assert names.count("contentBlockDelta") > 2
    tool_input = "".join(
        event["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for event in events
        if "toolUse" in event.get("contentBlockDelta", {}).get("delta", {})
    )
    assert json.loads(tool_input) == {"n": [1, "zwei"]}


def test_other_services_are_out_of_reach():
    with pytest.raises(StandInError, match="s3"):
        StandInSession(ConverseStandIn([])).client("s3")


@tool
def add(first: int, second: float) -> str:
    """Adds two numbers.

    Args:
        first: A number.
        second: Another.
    """
    return str(first + second)


def bedrock(stand_in, **config):
    session = StandInSession(stand_in)
    return BedrockModel(model_id="anthropic.claude-test", boto_session=session, **config)


@pytest.mark.parametrize("streaming", [True, False])
def test_the_real_bedrock_model_runs_an_agent_on_it(streaming):
    stand_in = ConverseStandIn(
        [
            [
                text("I add."),
                tool_use("one", "add", {"first": 1, "second": 0.5}),
                tool_use("two", "add", {"first": 2, "second": 2}),
            ],
            "The sums are 1.5 and 4.",
        ]
    )
    agent = Agent(model=bedrock(stand_in, streaming=streaming), tools=[add], callback_handler=None)

    answer = agent("add")

    assert str(answer).strip() == "The sums are 1.5 and 4."
    results = [block["toolResult"] for block in stand_in.requests[1]["messages"][2]["content"]]
    assert [(r["toolUseId"], r["content"][0]["text"]) for r in results] == [
        ("one", "1.5"),
        ("two", "4.0"),
    ]
    stand_in.assert_finished()


def test_strands_does_not_swallow_an_exhausted_script():
    agent = Agent(model=bedrock(ConverseStandIn([])), callback_handler=None)

    with pytest.raises(ScriptExhaustedError):
        agent("hello")


def test_strands_does_not_swallow_a_broken_rule():
    agent = Agent(model=bedrock(ConverseStandIn(["hello"])), callback_handler=None)
    agent.messages = [{"role": "assistant", "content": [text("I begin.")]}]

    with pytest.raises(RuleBrokenError, match="the user begins"):
        agent("hello")


def test_a_throttled_model_is_told_to_strands():
    stand_in = ConverseStandIn([throttled()])
    agent = Agent(model=bedrock(stand_in), callback_handler=None, retry_strategy=None)

    with pytest.raises(ModelThrottledException):
        agent("hello")


def test_another_error_of_bedrock_passes_through():
    refused = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ConverseStream"
    )
    agent = Agent(model=bedrock(ConverseStandIn([refused])), callback_handler=None)

    with pytest.raises(ClientError, match="AccessDenied"):
        agent("hello")
