"""A message whose function failed before it took it comes back in seconds, until it is mended.

A function that cannot be imported, or fails at its first event, says nothing to SQS. On AWS the
message then stays away for the queue's VisibilityTimeout, 12 minutes, and is a dead letter after
five times. Here somebody mends a mistake and wants to see it run. So the emulator gives such a
message back after a few seconds, and does not count the try.

A message whose function has said when it is to come back is left alone: that is the walk itself.
"""

import time
from typing import Any

BACK_AFTER_SECONDS = 5


def give_back(batch: list[dict[str, Any]], hidden_until: list[float]) -> None:
    """Makes visible soon what nobody has touched since it was received.

    Args:
        batch: The emulator's messages, after their function has ended; a deleted one does not mind.
        hidden_until: Each one's `visible_at`, as it was when it was received.
    """
    for message, until in zip(batch, hidden_until, strict=True):
        if message["visible_at"] == until:
            message["visible_at"] = time.time() + BACK_AFTER_SECONDS
            message["receive_count"] -= 1


def install() -> None:
    """Has the emulator do so after each batch of messages, in the emulator's own process."""
    from ministack.services import lambda_svc

    run_batch = lambda_svc._run_sqs_batch

    def run(esm: Any, function: Any, event: Any, batch: list[dict[str, Any]], *queue: Any) -> None:
        hidden_until = [message["visible_at"] for message in batch]
        run_batch(esm, function, event, batch, *queue)
        give_back(batch, hidden_until)

    lambda_svc._run_sqs_batch = run
