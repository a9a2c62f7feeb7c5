"""What the shell has exported for AWS: the process that speaks to Bedrock gets it, nobody else."""

import os
from typing import Dict  # noqa: UP035 - read by a Python that is too old, too, to say so

AWS: Dict[str, str] = {}  # noqa: UP006 - see above
"""Taken out of this process's environment by `take_aws`."""


def take_aws() -> None:
    """Moves every AWS setting of the shell from the environment to `AWS`."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        AWS[name] = os.environ.pop(name)
