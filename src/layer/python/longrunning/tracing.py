"""X-Ray, or nothing: the one module that knows aws-xray-sdk.

Until `enable` is called nothing is imported and every function here does nothing, so a laptop or a
test needs no daemon. Handlers enable it where Lambda says that a daemon runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_recorder: Any = None


def enable() -> None:
    """Starts tracing and patches botocore, so that every AWS call is a subsegment of its own."""
    global _recorder
    if _recorder is None:
        from aws_xray_sdk.core import patch, xray_recorder
        from aws_xray_sdk.core.models.entity import Entity

        # The SDK would send an exception's text along, and that may quote the conversation.
        Entity.add_exception = lambda entity, *_, **__: entity.add_fault_flag()
        patch(["botocore"])
        _recorder = xray_recorder


@contextmanager
def subsegment(name: str, **annotations: str) -> Iterator[None]:
    """Times a block as an X-Ray subsegment.

    Args:
        name: The step's name: `load`, `run`, `save`, `notify`, …
        **annotations: Indexed values to search traces by: `session_id`, `tool_use_id`.
    """
    if _recorder is None:
        yield
        return
    current = _recorder.begin_subsegment(name)
    try:
        if current:  # None where no segment is open, as outside Lambda
            for key, value in annotations.items():
                current.put_annotation(key, value)
        yield
    except BaseException:
        if current:
            current.add_fault_flag()  # Not the exception: it may quote the conversation.
        raise
    finally:
        if current:
            _recorder.end_subsegment()


def current_entity() -> Any:
    """Returns the open subsegment, to be handed to another thread; None without tracing."""
    return _recorder.get_trace_entity() if _recorder else None


@contextmanager
def attached(entity: Any) -> Iterator[None]:
    """Makes `entity` the parent of subsegments opened in this thread.

    X-Ray keeps its context in thread-local storage, and Strands runs an agent and its tools in
    threads of their own: without this their subsegments hang under the function's segment.
    """
    if _recorder is None or entity is None:
        yield
        return
    _recorder.set_trace_entity(entity)
    try:
        yield
    finally:
        _recorder.clear_trace_entities()
