"""An AWS that fits a pocket: the calls of this project, in memory, exact, on a clock of its own.

    pocket = Pocket(Clock())
    pocket.dynamodb.add_table(aws_template.table_properties("ApprovalsTable"))
    pocket.install(monkeypatch)       # every botocore client of this process talks to it now

`docs/decisions/0014-tests-run-on-an-aws-of-their-own.md` says why there is one;
proofs/integration/test_pocket.py holds it against the emulator, answer by answer. It knows what
`src/`, `operate/` and the tests use. Whatever else it is asked raises `NotInPocketError`, which no
`except Exception` catches.
"""

from longrunning_testkit.pocket.aws import Pocket, clients_made_once
from longrunning_testkit.pocket.clock import Clock
from longrunning_testkit.pocket.errors import AwsError, NotInPocketError

__all__ = ["AwsError", "Clock", "NotInPocketError", "Pocket", "clients_made_once"]
