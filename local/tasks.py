"""Sends a task the way any producer does: one message on the queue."""

import json
import secrets
from typing import Any


def send(sqs: Any, queue_url: str, task: str, requested_by: str | None = None) -> str:
    """Sends a `new` message.

    Args:
        sqs: A boto3 client.
        queue_url: The task queue.
        task: What the agent shall do.
        requested_by: Who requested it, if that is to be said.

    Returns:
        The id of the session that will start.
    """
    session_id = f"local-{secrets.token_hex(4)}"
    message = {"type": "new", "session_id": session_id, "body": {"task": task}}
    if requested_by:
        message["requested_by"] = requested_by
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message, ensure_ascii=False))
    return session_id
