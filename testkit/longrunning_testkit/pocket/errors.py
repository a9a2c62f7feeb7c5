"""The two ways in which a call can fail here."""

from typing import Any


class NotInPocketError(BaseException):
    """The test asks for something that the pocket AWS does not have: add it, or do without."""


class AwsError(Exception):
    """What AWS would answer. The caller gets botocore's own exception for it.

    Attributes:
        code: `Error.Code` of the answer.
        message: `Error.Message`.
        modelled: What SQS calls the error in its model, where that is not the code.
        status: The answer's HTTP status.
        members: What the answer holds beside `Error`, such as the item of a failed condition.
    """

    def __init__(
        self, code: str, message: str, modelled: str = "", status: int = 400, **members: Any
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.members = code, message, members
        self.modelled, self.status = modelled, status


def invalid(message: str) -> AwsError:
    """DynamoDB's answer to a request that makes no sense."""
    return AwsError("ValidationException", message)
