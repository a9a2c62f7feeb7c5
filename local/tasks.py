"""Sends a task the way any producer does: one message on the queue."""

import json
import secrets
from typing import Any


def send(sqs: Any, queue_url: str, task: str) -> str:
    """Sends a `new` message.

    Args:
        sqs: A boto3 client.
        queue_url: The task queue.
        task: What the agent shall do.

    Returns:
        The id of the session that will start.
    """
    session_id = f"local-{secrets.token_hex(4)}"
    message = {"type": "new", "session_id": session_id, "body": {"task": task}}
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message, ensure_ascii=False))
    return session_id
