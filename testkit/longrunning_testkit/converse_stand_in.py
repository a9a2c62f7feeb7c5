"""A stand-in for the `bedrock-runtime` client: it plays a script and checks every request.

The real agent and the real `BedrockModel` run against it, so what a test proves is that the
conversation would have been accepted. Three ways in:

    model = BedrockModel(model_id="…", boto_session=StandInSession(stand_in))
    model.client = stand_in
    stand_in.converse_stream(modelId="…", messages=[…])

A script is a list of turns (or a function from the request to a turn). A turn is a text, a list of
blocks made with `text` and `tool_use`, a `Said`, or an exception to raise, such as `throttled()`.

What breaks a rule, or asks for more turns than there are, raises a `StandInError`. It is no
`Exception`: neither Strands nor a handler that turns faults into retries can swallow it.

Source: Amazon Bedrock, "Converse" and "ContentBlock"; shapes come from botocore's service model.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

ID_PATTERN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Of tool use ids and tool names; what every model on Bedrock takes."""

STREAM_PIECE_CHARS = 12
"""Texts and tool inputs arrive in pieces, so that nobody relies on getting them whole."""

MOST_STREAM_PIECES = 200
"""About; a text of 256 KB in pieces of twelve characters would take seconds."""

Block = dict[str, Any]
Request = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """A turn with a stop reason of its own, or with content that no test's script checks.

    A toolUse block may have `raw`, the text that the model streams as its input.
    """

    content: list[Block]
    stop: str | None = None
    trace: dict[str, Any] | None = None


Turn = str | list[Block] | Said | BaseException
Script = Sequence[Turn] | Callable[[Request], Turn]


class StandInError(BaseException):
    """The code under test, or the test's own script, did what Bedrock would not accept."""


class RuleBrokenError(StandInError):
    """A request breaks one of Converse's rules."""


class ScriptExhaustedError(StandInError):
    """The model was called more often than the script has turns."""


def text(words: str) -> Block:
    """Returns a text block."""
    return {"text": words}


def tool_use(tool_use_id: str, name: str, tool_input: dict[str, Any]) -> Block:
    """Returns a toolUse block."""
    return {"toolUse": {"toolUseId": tool_use_id, "name": name, "input": tool_input}}


def throttled() -> ClientError:
    """Returns the error with which Bedrock throttles, to be played as a turn."""
    error = {"Code": "ThrottlingException", "Message": "Too many requests, please wait."}
    return ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 429}}, "ConverseStream"
    )


def invalid(message: str) -> ClientError:
    """Returns the error with which Bedrock refuses a request, to be played as a turn."""
    error = {"Code": "ValidationException", "Message": message}
    return ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "ConverseStream"
    )


class ConverseStandIn:
    """Answers `converse` and `converse_stream` from a script.

    Attributes:
        requests: A copy of every request that kept the rules, in order.
        refuses: Whether a broken rule is a ValidationException, as on Bedrock, and not a mistake.
    """

    def __init__(self, script: Script, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.requests: list[Request] = []
        self._script = script
        self._played = 0
        self._lock = threading.Lock()

    @property
    def meta(self) -> Any:
        """The real client's region and service model; asking for it sends nothing."""
        return _real_client().meta

    def converse(self, **request: Any) -> dict[str, Any]:
        """Answers in one piece."""
        said = self._next("Converse", request)
        return {
            "output": {"message": {"role": "assistant", "content": said.content}},
            "stopReason": said.stop or _stop_reason(said.content),
            **_accounting(),
        }

    def converse_stream(self, **request: Any) -> dict[str, Any]:
        """Answers with a stream of events."""
        said = self._next("ConverseStream", request)
        return {"stream": EventStream(stream_events(said.content, said.stop, said.trace))}

    def assert_finished(self) -> None:
        """Fails if turns of the script are left: the agent stopped earlier than the test thinks."""
        if not callable(self._script) and self._played < len(self._script):
            left = len(self._script) - self._played
            raise AssertionError(f"{left} of {len(self._script)} turns were never played")

    def _next(self, operation: str, request: Request) -> Said:
        try:
            check_request(operation, request)
        except RuleBrokenError as broken:
            if self.refuses:
                raise invalid(str(broken)) from broken
            raise
        with self._lock:
            self.requests.append(copy.deepcopy(request))
            turn = self._take(request)
            self._played += 1
        if isinstance(turn, BaseException):
            raise turn
        if isinstance(turn, Said):
            return copy.deepcopy(turn)
        content = [text(turn)] if isinstance(turn, str) else copy.deepcopy(turn)
        check_message({"role": "assistant", "content": content}, "script")
        return Said(content)

    def _take(self, request: Request) -> Turn:
        if callable(self._script):
            return self._script(request)
        if self._played >= len(self._script):
            raise ScriptExhaustedError(
                f"call {self._played + 1}, but the script has {len(self._script)} turns; "
                f"last message: {json.dumps(request['messages'][-1], default=repr):.500}"
            )
        return self._script[self._played]


class StandInSession:
    """A boto3 session whose `bedrock-runtime` client is the stand-in."""

    region_name = "us-east-1"

    def __init__(self, stand_in: ConverseStandIn) -> None:
        self._stand_in = stand_in

    def client(self, service_name: str, **kwargs: Any) -> ConverseStandIn:
        """Returns the stand-in, for this one service."""
        if service_name != "bedrock-runtime":
            raise StandInError(f"a client of {service_name}: expected bedrock-runtime alone")
        return self._stand_in


class EventStream:
    """Events that can be read once and closed, like botocore's."""

    def __init__(self, events: Iterator[dict[str, Any]]) -> None:
        self._events = events
        self.closed = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._events

    def close(self) -> None:
        """Stops the transfer."""
        self.closed = True


def stream_events(
    content: list[Block], stop: str | None = None, trace: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Yields a message as ConverseStream does; a text block has no start event."""
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(content):
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield {"contentBlockStart": {"start": start, "contentBlockIndex": index}}
            # A tool without arguments streams no input at all.
            deltas = [
                {"toolUse": {"input": piece}}
                for piece in _pieces(use.get("raw") or _written(use["input"]))
            ]
        else:
            deltas = [{"text": piece} for piece in _pieces(block["text"])]
        for delta in deltas:
            yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": stop or _stop_reason(content)}}
    yield {"metadata": {**_accounting(), **({"trace": trace} if trace else {})}}


def check_request(operation: str, request: Request) -> None:
    """Raises `RuleBrokenError` for the first rule that a request breaks."""
    _check_shape(operation, request)
    messages = request.get("messages") or []
    _expect(bool(messages), "messages", "at least one")
    for index, message in enumerate(messages):
        role = "assistant" if index % 2 else "user"
        _expect(
            message["role"] == role,
            f"messages[{index}].role",
            f"{role}: the user begins and roles alternate",
        )
        check_message(message, f"messages[{index}]")
    _expect(messages[-1]["role"] == "user", "messages", "the user's message at the end")
    _check_pairs(messages)
    _check_tools(request, messages)
    for index, block in enumerate(request.get("system") or []):
        if "text" in block:
            _check_text(block["text"], f"system[{index}].text")


def check_message(message: dict[str, Any], where: str) -> None:
    """Raises `RuleBrokenError` for the first rule that a message breaks by itself."""
    content = message["content"]
    _expect(bool(content), f"{where}.content", "at least one block")
    results_over = False
    for index, block in enumerate(content):
        at = f"{where}.content[{index}]"
        _expect(len(block) == 1, at, "exactly one kind of content")
        if "toolResult" in block:
            _expect(message["role"] == "user", at, "toolResult in a user's message alone")
            _expect(not results_over, at, "toolResult before any other block")
            _check_result(block["toolResult"], at)
            continue
        results_over = True
        if "toolUse" in block:
            _expect(message["role"] == "assistant", at, "toolUse in an assistant's message alone")
            _check_use(block["toolUse"], at)
        elif "text" in block:
            _check_text(block["text"], f"{at}.text")


def _check_use(use: dict[str, Any], at: str) -> None:
    for field in ("toolUseId", "name"):
        value = use[field]
        _expect(bool(ID_PATTERN.fullmatch(value)), f"{at}.{field}", f"{ID_PATTERN.pattern}")
    _expect(isinstance(use["input"], dict), f"{at}.input", "an object")
    _check_json(use["input"], f"{at}.input")


def _check_result(result: dict[str, Any], at: str) -> None:
    tool_use_id, status = result["toolUseId"], result.get("status", "success")
    _expect(bool(ID_PATTERN.fullmatch(tool_use_id)), f"{at}.toolUseId", ID_PATTERN.pattern)
    _expect(status in ("success", "error"), f"{at}.status", "success or error")
    _expect(bool(result["content"]), f"{at}.content", "at least one block")
    for block in result["content"]:
        _expect(len(block) == 1, f"{at}.content", "exactly one kind of content in a block")
        if "text" in block:
            _check_text(block["text"], f"{at}.content.text")
        if "json" in block:
            _expect(isinstance(block["json"], dict), f"{at}.content.json", "an object")
            _check_json(block["json"], f"{at}.content.json")


def _check_pairs(messages: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        answered = [b["toolResult"]["toolUseId"] for b in message["content"] if "toolResult" in b]
        used = [b["toolUse"]["toolUseId"] for b in message["content"] if "toolUse" in b]
        if message["role"] == "user":
            _expect(
                len(set(answered)) == len(answered), where, "one toolResult per toolUse, not two"
            )
            _expect(set(answered) >= set(open_ids), where, f"toolResults for {open_ids}")
            _expect(set(answered) <= set(open_ids), where, f"toolResults for {open_ids} alone")
        _expect(len(set(used)) == len(used), where, "tool use ids of their own")
        _expect(not seen & set(used), where, "tool use ids that no earlier message has")
        seen |= set(used)
        open_ids = used


def _check_tools(request: Request, messages: list[dict[str, Any]]) -> None:
    tools = (request.get("toolConfig") or {}).get("tools")
    blocks = [block for message in messages for block in message["content"]]
    if tools is None:
        uses_tools = any("toolUse" in block or "toolResult" in block for block in blocks)
        _expect(not uses_tools, "toolConfig", "the tools, where messages hold toolUse blocks")
        return
    specs = [tool["toolSpec"] for tool in tools if "toolSpec" in tool]
    _expect(bool(specs), "toolConfig.tools", "at least one tool")
    names = [spec["name"] for spec in specs]
    _expect(len(set(names)) == len(names), "toolConfig.tools", "names of their own")
    for spec in specs:
        at = f"toolConfig {spec['name']}"
        _expect(bool(ID_PATTERN.fullmatch(spec["name"])), f"{at}.name", ID_PATTERN.pattern)
        schema = spec["inputSchema"].get("json")
        is_object = isinstance(schema, dict) and schema.get("type") == "object"
        _expect(is_object, f"{at}.inputSchema.json", 'a schema of {"type": "object"}')
        _check_json(schema, f"{at}.inputSchema.json")


def _check_shape(operation: str, request: Request) -> None:
    """Lets botocore validate as a real client does; a Decimal in a tool's input fails here."""
    shape = _real_client().meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    _expect(not report.has_errors(), "request", report.generate_report())


def _check_text(words: str, at: str) -> None:
    _expect(bool(words.strip()), at, "a text that is not blank")
    _check_json(words, at)


def _check_json(value: Any, at: str) -> None:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise RuleBrokenError(f"{at}: expected what JSON can hold, got {error}") from error


def _expect(holds: bool, where: str, expected: str) -> None:
    if not holds:
        raise RuleBrokenError(f"{where}: expected {expected}")


def _stop_reason(content: list[Block]) -> str:
    return "tool_use" if any("toolUse" in block for block in content) else "end_turn"


def _accounting() -> dict[str, Any]:
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _written(tool_input: Any) -> str:
    return json.dumps(tool_input) if tool_input else ""


def _pieces(whole: str) -> list[str]:
    size = max(STREAM_PIECE_CHARS, len(whole) // MOST_STREAM_PIECES)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


@cache
def _real_client() -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="stand-in",
        aws_secret_access_key="stand-in",
    )
