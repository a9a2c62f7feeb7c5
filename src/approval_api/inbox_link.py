"""Gives an operator a link to sign in to the inbox: `POST /operator/inbox-link`, signed with IAM.

| Who signs | Answer |
|---|---|
| a person of `people.toml`, by `iam` | 200, `{"url", "expires_at"}`; the link works for a minute |
| anybody else, or nobody | 403 |
| anybody, while a service behind this fails | 503; sending it again is safe |

It stands here and not in the operators' function, which has no key and so can make no link.
"""

from approval_services import Services
from inbox_access import base_url
from inbox_services import inbox_services
from longrunning import observability
from longrunning.http import Event, RefusedError, Response, json_answer
from longrunning.people import passes
from longrunning.people.directory import Person

ROUTE = "POST /operator/inbox-link"

NOT_SIGNED = "expected a request signed with AWS credentials"
NOT_A_PERSON = "iam: nobody in people.toml is who has signed this"

logger = observability.get_logger("inbox_link")


def answer(services: Services, event: Event, now: int) -> Response:
    """Answers with a link for whoever signs.

    Args:
        services: The keys, and who there is.
        event: The request.
        now: Epoch seconds.
    """
    try:
        person = _person(services, event)
    except RefusedError as refusal:
        logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
        return json_answer(refusal.status, {"error": refusal.reason})
    end = now + passes.OPERATOR_SIGN_IN_SECONDS
    token = passes.make_sign_in(services.keys, person.id, passes.ANY_BROWSER, end)
    url = f"{base_url(inbox_services(), event)}/inbox/sign-in/{token}"
    logger.info("a link to sign in", extra={"person": person.id})
    return json_answer(200, {"url": url, "expires_at": end})


def _person(services: Services, event: Event) -> Person:
    """Returns who has signed: the person whose `iam` is the end of that ARN, to the letter."""
    # The route asks for a signature. If a changed template forgot to, nobody gets past this.
    authorizer = event["requestContext"].get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn") or ""
    # Source: IAM, "ARNs": arn:partition:service:region:account:resource; a path may have colons.
    name = arn.split(":", 5)[-1]
    if not name:
        raise RefusedError(403, NOT_SIGNED)
    for person in services.people.values():
        if person.iam == name:
            return person
    raise RefusedError(403, NOT_A_PERSON)
