"""What `make approvers` says, line by line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """What is to be said of one person, or of one subscription."""

    who: str
    state: str
    is_well: bool = True
