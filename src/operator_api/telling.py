"""Tells the agent of what an operator has done to a wait, once it is in the record."""

from botocore.exceptions import BotoCoreError, ClientError

from longrunning.deciding import send_wake_up
from longrunning.waits.item import Wait
from operator_services import Services


class NotSentError(Exception):
    """It is recorded, but the agent could not be told yet. Please send it again."""


def tell_agent(services: Services, wait: Wait) -> None:
    """Puts the message on the queue that has the agent look.

    Raises:
        NotSentError: It is not on the queue.
    """
    try:
        send_wake_up(services.sqs, services.task_queue_url, wait)
    except (BotoCoreError, ClientError) as error:
        raise NotSentError(NotSentError.__doc__) from error
