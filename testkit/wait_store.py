"""All that the table `approvals` can do, in one object: the tests ask it from every side."""

from longrunning.waits.answers import Answers
from longrunning.waits.claims import Claims


class WaitStore(Answers, Claims):
    """Answers and claims of the same table."""
