"""The agent function: takes messages from the task queue through the ten steps.

It makes what the library needs, once, and hands it the agents of `agent_definition.py`; the library
`longrunning.agent` does the rest.

It is the only function whose package has binaries. So it alone asks, before it imports one, whether
the package is for what it runs on; the other functions run well on any Python that Lambda has.
"""

from longrunning.built_for import wrong_package

if wrong := wrong_package(__file__):
    raise wrong

from longrunning.agent.put_off import put_off

with put_off():
    import strands  # noqa: F401 - before anybody else does

import logging
import os
import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

import agent_definition
from longrunning import observability, tracing
from longrunning.agent.asking import Asking
from longrunning.agent.definition import Agents
from longrunning.agent.deliveries import Deliveries
from longrunning.agent.worker import Worker
from longrunning.people import directory, links
from longrunning.people.notifications import Notifier
from longrunning.people.pace import MAX_AGENTS_UNCOUNTED, MessagePace, Pace, Unpaced
from longrunning.people.shared_pace import SharedPace
from longrunning.sessions import SessionStore
from longrunning.waits.answers import Answers
from longrunning.waits.claims import Claims
from longrunning.waits.timeouts import Timeouts

if TYPE_CHECKING:
    from longrunning.people.letters import Letters

SECONDS_PER_DAY = 86_400

_CONFIG = Config(connect_timeout=3, read_timeout=10)
_ONCE = _CONFIG.merge(Config(retries={"total_max_attempts": 1}))
"""For e-mails: a repeat that their pace does not know of would come too soon, or twice."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handles an SQS event; `Deliveries.take` says what comes and what is returned."""
    return _resources().take(event, context)


@cache
def _resources() -> Deliveries:
    """Made at the first message, not at import: an image of this process may be started twice."""
    env = os.environ
    observability.configure(env.get("LOG_LEVEL", "INFO"), env["METRICS_NAMESPACE"])
    # Strands quotes tool inputs in its warnings; what matters of them comes back as a fault.
    logging.getLogger("strands").setLevel(logging.CRITICAL)
    if "AWS_XRAY_DAEMON_ADDRESS" in env:
        tracing.enable()
    session = boto3.Session()
    client = partial(_Client, session)
    sqs, dynamodb = client("sqs"), client("dynamodb")
    pace = _pace(dynamodb)
    people = directory.read_people()
    notifier = _notifier(client, pace, people)
    answers = Answers(dynamodb, env["APPROVALS_TABLE_NAME"])
    worker = Worker(
        agents=Agents(agent_definition.make_agents(session, env)),
        sessions=SessionStore(
            dynamodb, env["SESSIONS_TABLE_NAME"], client("s3"), env["STATE_BUCKET_NAME"]
        ),
        answers=answers,
        claims=Claims(dynamodb, env["APPROVALS_TABLE_NAME"]),
        asking=Asking(
            answers=answers,
            send_email=partial(notifier.send, env["APPROVAL_TOPIC_ARN"]),
            timeouts=Timeouts.parse(
                env["DECIDE_WITHIN_SECONDS"], env["REMIND_BEFORE_HOURS"], env["ON_SILENCE"]
            ),
            people=people,
            shows_context=env.get("SHOW_CONTEXT") == "true",
        ),
        send_message=lambda body: sqs.send_message(
            QueueUrl=env["TASK_QUEUE_URL"], MessageBody=body
        ),
        clock=time.time,
        retention_seconds=int(env["RETENTION_DAYS"]) * SECONDS_PER_DAY,
    )
    return Deliveries(
        worker, sqs, env["TASK_QUEUE_URL"], env["DEAD_LETTER_QUEUE_URL"], pace, time.time
    )


class _Client:
    """An AWS client that is made when it is first called: no message needs all of them."""

    def __init__(self, session: boto3.Session, service: str, config: Config = _CONFIG) -> None:
        self._made = cache(partial(session.client, service, config=config))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def _pace(dynamodb: Any) -> Pace:
    """0 stands for a subscriber that takes all there is; `make run` has one."""
    agents = int(os.environ["MAXIMUM_CONCURRENCY"])
    if agents == 0:
        return Unpaced()
    if agents <= MAX_AGENTS_UNCOUNTED:
        return MessagePace(time.time, time.sleep)
    table_name = os.environ["APPROVALS_TABLE_NAME"]
    return SharedPace(dynamodb, table_name, "agents", time.time, time.sleep)


def _notifier(client: Callable[..., Any], pace: Pace, people: directory.People) -> Notifier:
    """Reads the key of the links at the first e-mail: not every message sends one."""
    secrets = client("secretsmanager")

    @cache
    def read_keys() -> links.LinkKeys:
        secret = secrets.get_secret_value(SecretId=os.environ["LINK_KEYS_SECRET_ARN"])
        return links.LinkKeys.parse(secret["SecretString"])

    sns, base_url = client("sns", config=_ONCE), os.environ["APPROVAL_BASE_URL"]
    return Notifier(sns, base_url, read_keys, pace, people, _letters(client, pace))


def _letters(client: Callable[..., Any], pace: Pace) -> "Letters | None":
    """What e-mails people at their own addresses; without MailFrom, SNS does."""
    if not (mail_from := os.environ["MAIL_FROM"]):
        return None
    from longrunning.people.letters import Letters  # Most have no use for it.

    return Letters(client("sesv2", config=_ONCE), mail_from, pace, time.time, time.sleep)
