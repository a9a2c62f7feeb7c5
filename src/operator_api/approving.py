"""Records what a person decides who signs, and tells the agent: first the record, then the message.

The person is the one of `people.toml` whose `iam` is the end of the caller's ARN. Only who is asked
by name decides, and only what was asked: an edit needs the page.
"""

from longrunning import observability, tracing
from longrunning.deciding import measure, result_of
from longrunning.http import RefusedError
from longrunning.people.directory import Person
from longrunning.waits.answers import Decided
from longrunning.waits.item import Decision, Status, Wait
from longrunning.waits.votes import Vote
from operator_records import asked_of_people
from operator_requests import MAX_CALLER_CHARS, OF_QUESTIONS, Choice
from operator_services import Services
from telling import tell_agent

VIA_IAM = "iam"
"""How a person has decided: with a signature that IAM has checked."""

NOT_A_PERSON = "You are {}, and nobody in people.toml has that under iam: you cannot decide."
NOT_ASKED = "You are not asked for this, or not by name. Nothing has changed."
CHANGED = "This is not what you have read: look at it again. Nothing was counted."
FULL = "Too much was said about this already. Please deny it, or have it cancelled and asked again."
A_QUESTION = 'decision: expected "answered" or "declined": this is a question'
NOT_A_QUESTION = 'decision: expected "approved" or "denied": this is no question'
SEEN_MISSING = "seen: expected the digest of what you have read, for several people must agree"

_DECISIONS: dict[str, Decision] = {"approved": "approved", "denied": "denied"}

logger = observability.get_logger("operator_api")


def decide(services: Services, choice: Choice, caller: str, now: int) -> Decided:
    """Records a decision or an answer; the same again only tells the agent again.

    Args:
        services: The approvals, the people, the queue.
        choice: What is decided, and what was read.
        caller: As `caller_of` returned it.
        now: Epoch seconds.

    Raises:
        RefusedError: 403 for who is not asked, 404 for what is not there, 400, 409, 413 and 422 for
            what cannot be taken; nothing has changed.
        NotSentError: It is recorded, the message is not on the queue.
        TooManyAtOnceError: Others voted at the same moment.
    """
    person = _person(services, caller)
    ids = {"session_id": choice.session_id, "tool_use_id": choice.tool_use_id}
    with tracing.subsegment("decide", **ids):
        done = _recorded(services, choice, person, now)
    logger.info("decide", extra={**ids, "choice": choice.decision, "outcome": done.outcome})
    decided = done.approval
    if decided and done.outcome in ("decided", "repeated") and decided.status != Status.PENDING:
        if done.outcome == "decided":
            measure(decided)
        tell_agent(services, decided)
    return done


def _person(services: Services, caller: str) -> Person:
    """Returns who signs. A caller by JWT is nobody here, nor is one whose name was cut."""
    way, _, name = caller.partition(":")
    is_whole = way == VIA_IAM and len(caller) < MAX_CALLER_CHARS
    for person in services.people.values():
        if is_whole and person.iam == name:
            return person
    raise RefusedError(403, NOT_A_PERSON.format(caller), "a caller who is nobody in people.toml")


def _recorded(services: Services, choice: Choice, person: Person, now: int) -> Decided:
    found = asked_of_people(services, choice)
    _check(found, choice, person)
    if found.is_question:
        done = _answer(services, found, choice, person, now)
    elif found.needed is not None:
        done = _vote(services, choice, person, now)
    else:
        done = _decide_alone(services, choice, person, now)
    match done.outcome:
        case "forbidden":
            raise RefusedError(403, NOT_ASKED)
        case "changed":
            raise RefusedError(409, CHANGED)
        case "full":
            raise RefusedError(409, FULL)
    return done


def _check(found: Wait, choice: Choice, person: Person) -> None:
    """Refuses what does not fit what was asked. Who is asked, and what, never changes."""
    if person.id not in (found.approvers or ()):
        raise RefusedError(403, NOT_ASKED)
    if found.is_question != (choice.decision in OF_QUESTIONS):
        raise RefusedError(400, A_QUESTION if found.is_question else NOT_A_QUESTION)
    if found.needed is not None and choice.seen is None:
        raise RefusedError(400, SEEN_MISSING)
    if found.needed is None and choice.seen not in (None, found.in_force.digest):
        raise RefusedError(409, CHANGED)


def _decide_alone(services: Services, choice: Choice, person: Person, now: int) -> Decided:
    return services.approvals.decide(
        choice.session_id,
        choice.tool_use_id,
        _DECISIONS[choice.decision],
        decided_by=person.id,
        via=VIA_IAM,
        now=now,
        comment=choice.comment,
    )


def _vote(services: Services, choice: Choice, person: Person, now: int) -> Decided:
    decision, seen = _DECISIONS[choice.decision], choice.seen or ""
    vote = Vote(person.id, VIA_IAM, decision, seen, choice.comment)
    return services.votes.vote(choice.session_id, choice.tool_use_id, vote, lambda _: None, now)


def _answer(services: Services, asked: Wait, choice: Choice, person: Person, now: int) -> Decided:
    result = result_of(asked, choice.answer, choice.comment, person.id)
    ids = (choice.session_id, choice.tool_use_id)
    return services.approvals.answer_question(
        *ids, result, answered_by=person.id, via=VIA_IAM, now=now
    )
