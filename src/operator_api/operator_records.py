"""Reads the record that an operator's request names."""

from longrunning.http import RefusedError
from longrunning.waits.item import Wait
from operator_requests import Named
from operator_services import Services

NOT_THERE = "tool_use_id: no such approval of this session"
NO_APPROVAL = "tool_use_id: expected an approval or a question: no person decides this one"


def record_of(services: Services, named: Named) -> Wait:
    """Returns whatever waits, or has waited.

    Raises:
        RefusedError: 404, it is not there.
    """
    found = services.approvals.get(named.session_id, named.tool_use_id)
    if found is None:
        raise RefusedError(404, NOT_THERE)
    return found


def asked_of_people(services: Services, named: Named) -> Wait:
    """Returns an approval or a question.

    Raises:
        RefusedError: 404, it is not there; 422, it is a timer, a job, an agent.
    """
    found = record_of(services, named)
    if found.call is None:
        raise RefusedError(422, NO_APPROVAL)
    return found
