"""Goes on where an earlier delivery of a message, or of its session's, has stopped.

The story stands in `worker.py`; here stands how it goes on after a crash. All of it may happen
twice.
"""

from typing import TYPE_CHECKING

from longrunning.agent.afterwards import digest_of
from longrunning.agent.delivery import Delivery
from longrunning.messages import MalformedMessageError, NewTask
from longrunning.sessions import WAITING, Session

if TYPE_CHECKING:
    from longrunning.agent.worker import Worker


def continue_from(worker: "Worker", session: Session, task: NewTask, delivery: Delivery) -> None:
    """Goes on from the session of an earlier delivery of a task: the task itself is done with.

    Raises:
        MalformedMessageError: The session is another task's.
    """
    is_ours = session.paused_by == delivery.message_id
    is_its_agents = session.agent_name == worker.agent_named(task.agent_name).name
    if not is_ours and not (is_its_agents and _is_task_of(session, task.task)):
        raise MalformedMessageError("session_id: another task has this one already")
    if session.was_cut_short:
        worker.go_on(session, delivery)
        return
    finish_pause(worker, session, delivery)


def finish_pause(worker: "Worker", session: Session, delivery: Delivery) -> None:
    """Finishes an earlier delivery's pause; the delivery that made it asks until it succeeds.

    Any other delivery only adds missing records: a second click on an old link must not send the
    next question twice.
    """
    made_it = session.paused_by == delivery.message_id
    if session.status == WAITING and not worker.withdraw_if_given_up(session):
        agent = worker.agent_named(session.agent_name)
        answered = worker.asking.ask_again(session, agent, notify_again=made_it)
        worker.go_on_at_once(answered, session, delivery)
    elif session.status != WAITING and made_it:
        worker.ending.tell(session)


def _is_task_of(session: Session, task: str) -> bool:
    """Tells whether a session was started for a task. An old one has it in its first message."""
    if session.task_digest:
        return session.task_digest == digest_of(task)
    return str(session.messages[0]["content"][0].get("text")) == task
