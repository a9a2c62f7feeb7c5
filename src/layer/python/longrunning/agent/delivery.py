"""One delivery of a queue message."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One delivery of a queue message. Times are epoch seconds."""

    message_id: str
    """Of the first delivery, also where `make redrive` sent the message anew."""
    receive_count: int
    deadline: float
    """When the function is ended."""
    is_redriven: bool = False

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier delivery may have come some way."""
        return self.is_redriven or self.receive_count > 1
