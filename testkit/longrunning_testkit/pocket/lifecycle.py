"""S3's lifecycle rules: what a bucket expires, and what becomes of the versions of a key.

What is due goes at once, which S3 promises nobody: it runs once a day, and takes its time.

Source: S3, "Lifecycle configuration elements", "Retaining multiple versions of objects".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from longrunning_testkit.pocket.errors import NotInPocketError

SECONDS_PER_DAY = 86_400
_IGNORED = {"Id", "Status", "AbortIncompleteMultipartUpload"}  # No upload here has parts.
_DELETE_MARKER = "ExpiredObjectDeleteMarker"
_KNOWN = {"Prefix", "ExpirationInDays", "NoncurrentVersionExpiration", _DELETE_MARKER} | _IGNORED


@dataclass(frozen=True)
class Version:
    """An object as it was written once; `body` is None for a delete marker."""

    version_id: str
    body: bytes | None
    written_at: float


@dataclass(frozen=True)
class LifecycleRule:
    """A rule that is enabled, for all keys with a prefix.

    Attributes:
        prefix: What a key begins with; all keys begin with "".
        days: After so many days a current version expires.
        noncurrent_days: So many days after it became noncurrent, a version is removed.
        removes_markers: Whether a delete marker goes when it is all that is left of a key.
    """

    prefix: str = ""
    days: int | None = None
    noncurrent_days: int | None = None
    removes_markers: bool = False


def rules_of(properties: dict[str, Any]) -> list[LifecycleRule]:
    """Returns the rules of a bucket that are enabled.

    Args:
        properties: What CloudFormation gets of the bucket, its conditions resolved.
    """
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", ())
    return [_rule(rule) for rule in rules if rule["Status"] == "Enabled"]


def after_lifecycle(
    key: str, versions: list[Version], rules: Iterable[LifecycleRule], now: float, versioned: bool
) -> list[Version]:
    """Returns what is left of a key's versions, oldest first."""
    mine = [rule for rule in rules if key.startswith(rule.prefix)]
    left = list(versions)
    days = _least([rule.days for rule in mine])
    if left and days is not None and left[-1].body is not None:
        ends_at = left[-1].written_at + days * SECONDS_PER_DAY
        if ends_at < now:
            left = [*left, Version(f"expired-{ends_at}", None, ends_at)] if versioned else []
    left = _without_noncurrent(left, _least([rule.noncurrent_days for rule in mine]), now)
    is_marker_alone = len(left) == 1 and left[0].body is None
    return [] if is_marker_alone and any(rule.removes_markers for rule in mine) else left


def _without_noncurrent(versions: list[Version], days: int | None, now: float) -> list[Version]:
    """A version is noncurrent from the moment at which the next one was written."""
    if days is None:
        return versions
    oldest = now - days * SECONDS_PER_DAY
    ended = [following.written_at for following in versions[1:]]
    kept = [v for v, at in zip(versions, ended, strict=False) if at >= oldest]
    return [*kept, *versions[-1:]]


def _least(days: Sequence[int | None]) -> int | None:
    """Where rules overlap, S3 takes the one that is due first."""
    return min((found for found in days if found is not None), default=None)


def _rule(rule: dict[str, Any]) -> LifecycleRule:
    noncurrent = rule.get("NoncurrentVersionExpiration", {})
    if unknown := (rule.keys() - _KNOWN) | (noncurrent.keys() - {"NoncurrentDays"}):
        raise NotInPocketError(f"a lifecycle rule with {', '.join(sorted(unknown))}")
    if _DELETE_MARKER in rule and "ExpirationInDays" in rule:
        raise NotInPocketError("a rule that S3 refuses: days, and what becomes of delete markers")
    days, past = rule.get("ExpirationInDays"), noncurrent.get("NoncurrentDays")
    return LifecycleRule(
        rule.get("Prefix", ""),
        None if days is None else int(days),
        None if past is None else int(past),
        rule.get(_DELETE_MARKER, False),
    )
