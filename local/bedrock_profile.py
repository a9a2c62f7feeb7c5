"""What stands in the way of a profile or of a call of Bedrock, in words that say what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

NOT_ACCEPTED = (
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
)
"""Codes for credentials that have ended, or that nobody knows."""

_SIGN_IN = "sign in again (aws sso login --profile {profile}, or as you got them)"
_ACCESS = (
    "the profile needs bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on this "
    "model, and the account must have access to it: docs/adapt.md#a-real-model"
)
_EXISTS = (
    "is MODEL_ID the id of a model or an inference profile that the region {region} has? "
    "aws bedrock list-inference-profiles --profile {profile} lists them"
)
_HINTS = {
    **dict.fromkeys(NOT_ACCEPTED, _SIGN_IN),
    "AccessDeniedException": _ACCESS,
    "ValidationException": _EXISTS,
    "ResourceNotFoundException": _EXISTS,
    "ThrottlingException": "nothing to do: the task is tried again",
    "ServiceUnavailableException": "is this machine online? The task is tried again",
}


class ProfileError(Exception):
    """A profile is no use; the text says why and what to do."""


def explain(error: BotoCoreError | ClientError | None, profile: str) -> ProfileError:
    """Returns what to say of what went wrong with a profile.

    Args:
        error: What botocore raised; None where it has found no credentials.
        profile: The profile's name.
    """
    return ProfileError(f"BEDROCK_PROFILE={profile}: {_reason(error, profile)}")


def hint(code: str, profile: str, region: str) -> str:
    """Returns what to do about an error of Bedrock; "" where nobody knows."""
    return _HINTS.get(code, "").format(profile=profile, region=region)


def _reason(error: BotoCoreError | ClientError | None, profile: str) -> str:
    match error:
        case None:
            return (
                f"the profile has no credentials. aws configure --profile {profile} asks for them; "
                f"for IAM Identity Center: aws configure sso --profile {profile}"
            )
        case ProfileNotFound():
            return (
                "there is no such profile. aws configure list-profiles names those that there are; "
                f"aws configure --profile {profile} makes it"
            )
        case NoRegionError():
            return (
                "the profile names no region. Give one: "
                f"aws configure set region us-east-1 --profile {profile}"
            )
        case SSOError() | TokenRetrievalError():
            return f"nobody is signed in ({error}). First: aws sso login --profile {profile}"
        case CredentialRetrievalError():
            return f"its credentials cannot be had: {error}"
    return f"its credentials cannot be had ({error}). Try: {_SIGN_IN.format(profile=profile)}"
