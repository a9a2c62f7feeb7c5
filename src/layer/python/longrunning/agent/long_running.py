"""The contract of a tool whose work outlives the function: start, look, cancel.

    @long_running(within=timedelta(hours=6))
    def render(wait: Wait, scene: str) -> None:      starts the work; runs after the pause is saved
        ...

    @render.look
    def look(wait: Wait) -> Result | None:           asks the source what is so; None: not yet
        ...

    @render.cancel
    def cancel(wait: Wait) -> None:                  stops the work, as nobody waits for it any more
        ...

The spec that the model sees is made from the function's signature and docstring. A tool that can
`look` is safe from forged and lost messages: a message is then only a hint to look. A tool without
`look` takes its result from the message, from whoever may send to the task queue.
"""

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import pydantic
from strands import tool as strands_tool
from strands.tools.tools import PythonAgentTool
from strands.types.tools import ToolUse

from longrunning.human_approval import TOOL_SPEC as HUMAN_APPROVAL
from longrunning.human_approval import pause
from longrunning.messages import tool_result
from longrunning.waits.item import Wait
from longrunning.waits.timeouts import MAX_WITHIN_SECONDS, MIN_WITHIN_SECONDS

FIRST_LOOK = timedelta(minutes=5)
"""After the start, where a tool does not say when its first answer can be there."""

RESERVED_NAMES = {"agent", "self", "cls", "wait"}
"""Strands leaves the first three out of a spec without a word; `wait` is ours."""

MAX_REASON_CHARS = 500

Hook = TypeVar("Hook", bound=Callable[..., Any])


class NoNeedToWait(Exception):
    """Raised by `check`: its text is the tool's result, at once."""


class CannotStart(Exception):
    """Raised by `start`: its text is the tool's error, and starting is not tried again."""


@dataclass(frozen=True)
class Result:
    """The result of a long-running tool."""

    text: str
    failed: bool = False

    def __post_init__(self) -> None:
        """Refuses what no model can be sent.

        Raises:
            ValueError: The text is blank.
        """
        if not isinstance(self.text, str) or not self.text.strip():
            raise ValueError("text: expected a text that is not blank")


@dataclass
class LongTool:
    """A long-running tool: what `@long_running` makes of the function that starts it."""

    start: Callable[..., None]
    within: timedelta | Callable[..., timedelta]
    look_at: Callable[..., datetime] | None = None
    expired: str = "No result came in time. Whatever comes later is ignored."
    most: int | None = None
    """How often one session may wait for it; None: as often as for anything."""
    by_callback: bool = False
    """Whether only `POST /callbacks/{token}` answers it: a message is then a hint, too."""
    hooks: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the definition, so that a mistake shows at the start and not at night.

        Raises:
            TypeError: The function does not take `wait` first, or has a parameter of a reserved
                name, or takes parameters by position or without names.
            ValueError: `within` is out of bounds.
        """
        first, *rest = inspect.signature(self.start).parameters.values()
        if first.name != "wait":
            raise TypeError(f'{self.name}: its first parameter must be "wait", not "{first.name}"')
        for parameter in rest:
            if parameter.name in RESERVED_NAMES or parameter.name.startswith("_"):
                raise TypeError(f'{self.name}: no parameter can be called "{parameter.name}"')
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(f'{self.name}: "{parameter.name}" must be a parameter with a name')
        if self.name == HUMAN_APPROVAL["name"]:
            raise TypeError(f"{self.name}: this name is the approval's own")
        if isinstance(self.within, timedelta) and (problem := _bounds_problem(self.within)):
            raise ValueError(f"{self.name}: {problem}")

    @property
    def name(self) -> str:
        """The tool's name: that of the function which starts it."""
        return self.start.__name__

    @property
    def can_look(self) -> bool:
        """Whether it asks its source."""
        return "look" in self.hooks

    @property
    def is_told(self) -> bool:
        """Whether a message brings its result, from whoever may send to the task queue."""
        return not (self.can_look or self.by_callback)

    # What an adopter adds, each as a decorator.

    def check(self, hook: Hook) -> Hook:
        """Adds `check(**input)`, called before the pause; a ValueError's text is an error at once.

        `NoNeedToWait` is the result at once. It must start nothing.
        """
        return self._add("check", hook)

    def look(self, hook: Hook) -> Hook:
        """Adds `look(wait, **input) -> Result | None`, which reads and never writes."""
        return self._add("look", hook)

    def cancel(self, hook: Hook) -> Hook:
        """Adds `cancel(wait)`, called when the wait is over without a result; perhaps twice."""
        return self._add("cancel", hook)

    def locate(self, hook: Hook) -> Hook:
        """Adds `locate(about) -> (session_id, tool_use_id)`, for a `look` message.

        A ValueError's text is the reason of the dead letter.
        """
        return self._add("locate", hook)

    def _add(self, name: str, hook: Hook) -> Hook:
        known = inspect.signature(self.start).parameters.keys() | {"about"}
        if unknown := sorted(inspect.signature(hook).parameters.keys() - known):
            raise TypeError(f"{self.name}.{name}: the tool has no parameter {', '.join(unknown)}")
        self.hooks[name] = hook
        return hook

    # What the library asks of it.

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The Converse tool spec, from the signature and the docstring."""
        return dict(strands_tool(context="wait")(self.start).tool_spec)

    def agent_tool(self) -> PythonAgentTool:
        """Returns the tool as Strands runs it: it checks its input, and pauses."""
        return PythonAgentTool(self.name, self.spec, self._pause)  # type: ignore[arg-type]

    def begin(self, wait: Wait, given: Mapping[str, Any]) -> None:
        """Starts the work.

        Raises:
            CannotStart: It will never start; the text says why.
            Exception: A fault; it is tried again with the same wait.
        """
        self.start(wait, **self._parsed(given, CannotStart))

    def ask_source(self, wait: Wait, given: Mapping[str, Any]) -> Result | None:
        """Asks what the source says by now; None: nothing yet."""
        if not self.can_look:
            return None
        found = self._call("look", wait, self._parsed(given, CannotStart))
        if found is not None and not isinstance(found, Result):
            raise TypeError(f"{self.name}.look: expected a Result or None, got {type(found)}")
        return found

    def end(self, wait: Wait, given: Mapping[str, Any]) -> None:
        """Stops the work."""
        if "cancel" in self.hooks:
            self._call("cancel", wait, self._parsed(given, CannotStart))

    def place_of(self, about: str) -> tuple[str, str]:
        """Returns session id and tool use id of what a `look` message is about.

        Raises:
            ValueError: It is about nothing of this tool.
        """
        if "locate" not in self.hooks:
            raise ValueError(f"{self.name} is told of no other way than by its tool use")
        session_id, tool_use_id = self.hooks["locate"](about)
        return session_id, tool_use_id

    def _pause(self, tool: ToolUse, **state: Any) -> Any:
        """Runs in the turn: checks, then pauses. Strands must not tell the model of a fault."""
        tool_use_id = tool["toolUseId"]
        try:
            given = self._parsed(tool["input"], ValueError)
            if "check" in self.hooks:
                self._call("check", None, given)
            within = self._within(given)
        except NoNeedToWait as at_once:
            return tool_result(tool_use_id, "success", str(at_once))
        except ValueError as problem:
            return tool_result(tool_use_id, "error", f"{problem}"[:MAX_REASON_CHARS])
        except Exception as fault:
            if "stop_run" not in state:  # In an agent of its own, which could not wait anyway.
                raise
            state["stop_run"](state["agent"], fault)
            return tool_result(tool_use_id, "error", "Stopped.")
        look_at = self._first_look(given)
        return pause(
            dict(tool),
            "Waiting.",
            within=within,
            look_at=look_at,
            most=self.most,
            by_callback=self.by_callback,
            **state,
        )

    def _within(self, given: Mapping[str, Any]) -> timedelta:
        if isinstance(self.within, timedelta):
            return self.within
        within = self.within(**_named(self.within, given))
        if problem := _bounds_problem(within):
            raise ValueError(problem)
        return within

    def _first_look(self, given: Mapping[str, Any]) -> int | None:
        """Returns when the source is asked first, in epoch seconds; None without `look`."""
        if not self.can_look:
            return None
        if self.look_at is None:
            return int(time.time() + FIRST_LOOK.total_seconds())
        return int(_utc(self.look_at(**_named(self.look_at, given))).timestamp())

    def _call(self, name: str, wait: Wait | None, given: Mapping[str, Any]) -> Any:
        hook = self.hooks[name]
        return hook(**_named(hook, {**given, "wait": wait}))

    def _parsed(self, given: Mapping[str, Any], error: type[Exception]) -> dict[str, Any]:
        """Returns the input with the types of the signature.

        Raises:
            error: It does not fit.
        """
        try:
            parsed = self._model.model_validate(dict(given))
        except pydantic.ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise error(f"{where}: {first['msg']}") from problem
        return {name: getattr(parsed, name) for name in self._model.model_fields}

    @cached_property
    def _model(self) -> type[pydantic.BaseModel]:
        """Made when it is first needed: each costs some milliseconds of a cold start."""
        hints = inspect.get_annotations(self.start, eval_str=True)
        _wait, *rest = inspect.signature(self.start).parameters.values()
        fields: dict[str, Any] = {
            p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
            for p in rest
        }
        config = pydantic.ConfigDict(extra="forbid")
        return pydantic.create_model(self.name, __config__=config, **fields)


def long_running(
    *,
    within: timedelta | Callable[..., timedelta],
    look_at: Callable[..., datetime] | None = None,
    expired: str = LongTool.expired,
    most: int | None = None,
    by_callback: bool = False,
) -> Callable[[Callable[..., None]], LongTool]:
    """Makes a long-running tool of the function that starts its work.

    The function is called with the `Wait` and the tool's input, after the pause is saved; after a
    fault it is called again with the same wait. Name what it starts after `wait.name`, and take
    "exists already" for done.

    Args:
        within: How long its result may take: a minute to five years, or a function of the input.
        look_at: The first time at which its source may have an answer, as a function of the
            input; five minutes after the start where it is not said.
        expired: What the model reads when no result came in time.
        most: How often one session may wait for it.
        by_callback: Whether a system answers it over `POST /callbacks/{token}`, and nobody else.

    Raises:
        TypeError, ValueError: The definition is wrong; the text says how.
    """

    def make(start: Callable[..., None]) -> LongTool:
        return LongTool(start, within, look_at, expired, most, by_callback)

    return make


def one_of(names: Iterable[str]) -> Any:
    """Returns the default of a parameter that takes one of some names, which the model is told."""
    return pydantic.Field(json_schema_extra={"enum": list[Any](sorted(names))})


def _named(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those values that a function names."""
    return {k: values[k] for k in inspect.signature(function).parameters if k in values}


def _bounds_problem(within: timedelta) -> str | None:
    seconds = within.total_seconds()
    if seconds > MAX_WITHIN_SECONDS:
        return "within: at most 5 years."
    return "within: at least a minute." if seconds < MIN_WITHIN_SECONDS else None


def _utc(moment: datetime) -> datetime:
    """A time without a zone is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
