"""The operators' API of a stack, called with the credentials of this shell."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from operate import clicks
from operate.errors import OperateError
from operate.reading import explained
from operate.stacks import Stack

MAX_PAGES = 10_000
"""Of 100 approvals each: more than any stack has open."""


class RefusedError(Exception):
    """The API has refused it, or something else stands; the text says which."""


@dataclass(frozen=True)
class OperatorApi:
    """Its routes. Each call is signed, so that the record says who it was."""

    session: Any
    """The boto3 session of the caller."""
    url: str
    """As the stack's output `OperatorUrl` says."""

    @classmethod
    def of(cls, stack: Stack) -> "OperatorApi":
        """Finds the API of a stack.

        Raises:
            OperateError: It has none, or this shell has no credentials.
        """
        url = f"{stack.front_url}/operator" if stack.front_url else _output(stack)
        if stack.session.get_credentials() is None:
            raise OperateError("There are no AWS credentials. Set the profile: AWS_PROFILE=…")
        return cls(stack.session, url)

    def open_approvals(self) -> Iterator[dict[str, Any]]:
        """Yields all that is open, page by page, the earliest due first."""
        query = {"limit": "100"}
        for _ in range(MAX_PAGES):
            page = self.get("approvals", **query)
            yield from page["approvals"]
            if page["next"] is None:
                return
            query["next"] = page["next"]

    def get(self, what: str, **query: str) -> dict[str, Any]:
        """Reads one of its documents; what goes wrong is raised as of `post`."""
        url = f"{self.url}/{what}?{urlencode(query, quote_via=quote)}"
        return _document(clicks.signed(self.session, "GET", url))

    def post(self, action: str, **fields: Any) -> dict[str, Any]:
        """Does something; returns what stands then.

        Raises:
            RefusedError: It was not done, and need not be tried again as it is.
            OperateError: It could not be done; the text says what to do.
        """
        return _document(clicks.signed(self.session, "POST", f"{self.url}/{action}", fields))


def _output(stack: Stack) -> str:
    with explained(), closing(stack.client("cloudformation")) as cloudformation:
        (found,) = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    if not (url := outputs.get("OperatorUrl", "")):
        raise OperateError(f"Stack {stack.name} has no output OperatorUrl: deploy it anew.")
    return str(url)


def _document(answer: clicks.Answer) -> dict[str, Any]:
    said = answer.document
    if answer.status == 200 and said:
        return said
    if answer.status in (403, 404) and "error" not in said:  # API Gateway's own.
        raise OperateError(
            f"The operators' API answers {answer.status}: {said.get('message', 'nothing')}.\n"
            "Whoever calls it needs execute-api:Invoke: docs/operate.md, List, look up, cancel."
        )
    if answer.status >= 500 or answer.status == 429:
        raise OperateError(f"{said.get('error', 'The stack does not answer.')} ({answer.status})")
    if reason := said.get("error"):
        raise RefusedError(str(reason))
    if said.get("status"):
        raise RefusedError(_stands(said))
    raise OperateError(f"An answer that nobody expects: {answer.status}.")


def _stands(approval: dict[str, Any]) -> str:
    if approval["status"] == "PENDING":
        return "Nothing was done: its time is over, or somebody has changed it since. Look again."
    by = f" by {approval['decided_by']}" if approval.get("decided_by") else ""
    return f"Nothing was done: it is {approval['status']}{by}."
