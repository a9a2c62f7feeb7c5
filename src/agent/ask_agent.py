"""Another agent as a tool: it gets a task, may itself wait for days, and its end is the answer."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta

from longrunning import sessions
from longrunning.agent.conversation import text_of
from longrunning.agent.long_running import CannotStart, LongTool, Result, long_running, one_of
from longrunning.messages import Parent, build_cancel, build_new
from longrunning.waits.item import Wait

MAX_DEPTH = 3
MAX_ASKS = 5
"""Of one session. One function runs all agents: Lambda takes long chains for a loop."""

WELL = ("published", "finished", "denied", "")


def make_ask_agent(
    names: Iterable[str],
    send_message: Callable[[str], object],
    find_session: Callable[[str], sessions.Session | None],
) -> LongTool:
    """Makes the tool.

    Args:
        names: The agents that may be asked.
        send_message: Puts a body on the task queue.
        find_session: Reads a session by its id.
    """

    @long_running(within=timedelta(days=7), most=MAX_ASKS)
    def ask_agent(wait: Wait, task: str, name: str = one_of(names)) -> None:
        """Asks another agent. You are stopped and continue with its answer.

        Args:
            task: All that it needs to know.
            name: The agent to ask.
        """
        depth = (wait.depth or 0) + 1
        if depth > MAX_DEPTH:
            raise CannotStart(f"agents ask one another at most {MAX_DEPTH} deep")
        ids = (wait.session_id, wait.tool_use_id, wait.tool_name)
        parent = Parent(*ids, decide_by=wait.decide_by, depth=depth)
        asked = build_new(task, wait.name, name, parent, wait.requested_by)
        send_message(asked)  # Again: the same session.

    @ask_agent.look
    def look(wait: Wait) -> Result | None:
        session = find_session(wait.name)
        if session is None or session.status != sessions.COMPLETED:
            return None
        said = [text_of(m) for m in session.messages if m["role"] == "assistant"]
        answer = {"outcome": session.outcome, "said": said[-1] if said else ""}
        return Result(json.dumps(answer, ensure_ascii=False), failed=session.outcome not in WELL)

    @ask_agent.cancel
    def cancel(wait: Wait) -> None:
        send_message(build_cancel(wait.name))

    return ask_agent
