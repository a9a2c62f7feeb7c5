"""What the inbox needs beside the approval API's own clients, made at its first page."""

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from approval_services import make_clients
from longrunning.people.pace import Unpaced
from longrunning.waits.deadlines import Deadlines
from longrunning.waits.decided import DecidedWaits
from longrunning.waits.open_waits import OpenWaits

if TYPE_CHECKING:
    from longrunning.people.letters import Letters


@dataclass(frozen=True)
class InboxServices:
    """What lists approvals, and what sends the e-mails with which people sign in."""

    open: OpenWaits
    decided: DecidedWaits
    deadlines: Deadlines
    dynamodb: Any
    """A low-level client, for the table of the approvals."""
    table_name: str
    sns: Any
    topic_arn: str
    letters: "Letters | None"
    """What e-mails people at their own addresses; None: SNS does."""
    base_url: str
    """Where people come to, such as a custom domain; empty: the API's own address."""
    oidc_issuer: str = ""
    """Where people sign in; empty: by e-mail."""
    oidc_client_id: str = ""
    oidc_client_secret_arn: str = ""

    def client_secret(self) -> str:
        """Reads the secret of this client, each time: a new one is used at once; empty for none.

        Raises:
            botocore.exceptions.ClientError: It cannot be read.
        """
        if not self.oidc_client_secret_arn:
            return ""
        [secrets] = make_clients("secretsmanager")
        found = secrets.get_secret_value(SecretId=self.oidc_client_secret_arn)
        return str(found["SecretString"]).strip()


@cache
def inbox_services() -> InboxServices:
    """Reads the environment and makes the clients."""
    dynamodb, sns = make_clients("dynamodb", "sns")
    table_name = os.environ["APPROVALS_TABLE_NAME"]
    return InboxServices(
        open=OpenWaits(dynamodb, table_name),
        decided=DecidedWaits(dynamodb, table_name),
        deadlines=Deadlines(dynamodb, table_name),
        dynamodb=dynamodb,
        table_name=table_name,
        sns=sns,
        topic_arn=os.environ["APPROVAL_TOPIC_ARN"],
        letters=_letters(),
        base_url=os.environ["APPROVAL_BASE_URL"].rstrip("/"),
        oidc_issuer=os.environ.get("OIDC_ISSUER", ""),
        oidc_client_id=os.environ.get("OIDC_CLIENT_ID", ""),
        oidc_client_secret_arn=os.environ.get("OIDC_CLIENT_SECRET_ARN", ""),
    )


def _letters() -> "Letters | None":
    if not (mail_from := os.environ["MAIL_FROM"]):
        return None
    from longrunning.people.letters import Letters  # Most have no use for it.

    [ses] = make_clients("sesv2")
    return Letters(ses, mail_from, Unpaced(), time.time, time.sleep)
