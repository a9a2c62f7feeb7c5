"""S3: whole objects in one bucket or more, their versions, and the rules that end them."""

import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.response import StreamingBody

from longrunning_testkit.pocket.errors import AwsError, NotInPocketError
from longrunning_testkit.pocket.lifecycle import LifecycleRule, Version, after_lifecycle

MAX_KEY_BYTES = 1_024
UNVERSIONED = "null"
"""The id of the only version, in a bucket that keeps no others."""


@dataclass
class Bucket:
    """A bucket.

    Attributes:
        is_versioned: Whether what is overwritten or deleted stays, as a noncurrent version.
        rules: Tells the lifecycle rules as they are now.
        versions: By key, oldest first; the last one is the current one.
    """

    is_versioned: bool = False
    rules: Callable[[], Sequence[LifecycleRule]] = tuple
    versions: dict[str, list[Version]] = field(default_factory=dict)
    _written: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, body: bytes | None, now: float) -> str:
        """Adds the version that is current from now on; returns its id.

        Of the same writes of a key come the same ids, in whatever bucket.
        """
        if not self.is_versioned:
            self.versions[key] = [Version(UNVERSIONED, body, now)]
            return UNVERSIONED
        self._written[key] = number = self._written.get(key, 0) + 1
        version_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {key}").hex
        self.versions.setdefault(key, []).append(Version(version_id, body, now))
        return version_id

    def remove(self, key: str, version_id: str | None = None) -> list[Version]:
        """Removes one version of a key, or all, for good; returns what was removed."""
        before = self.versions.pop(key, [])
        left = [v for v in before if version_id is not None and v.version_id != version_id]
        if left:
            self.versions[key] = left
        return [version for version in before if version not in left]


class S3:
    """All buckets."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.buckets: dict[str, Bucket] = {}

    def add_bucket(
        self,
        name: str,
        is_versioned: bool = False,
        rules: Callable[[], Sequence[LifecycleRule]] = tuple,
    ) -> None:
        self.buckets[name] = Bucket(is_versioned, rules)

    def apply_lifecycle(self) -> None:
        """Does what the rules of this moment say. Every call does, for the keys it touches."""
        for name, bucket in self.buckets.items():
            for key in list(bucket.versions):
                self._versions(name, key)

    def put_object(self, Bucket: str, Key: str, Body: bytes = b"") -> dict[str, Any]:
        if not isinstance(Body, bytes):
            raise NotInPocketError(f"a body that is a {type(Body).__name__}")
        self._versions(Bucket, Key)
        version_id = self.buckets[Bucket].add(Key, Body, self._clock())
        return {"ETag": _etag(Body)} | self._told(Bucket, version_id)

    def get_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:
        found, body = self._found(Bucket, Key, VersionId)
        stream = StreamingBody(io.BytesIO(body), len(body))
        told = self._told(Bucket, found.version_id)
        return {"Body": stream, "ContentLength": len(body), "ETag": _etag(body)} | told

    def head_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:
        try:
            found, body = self._found(Bucket, Key, VersionId)
        except AwsError as error:  # An answer without a body: there is nothing but its status.
            reason = {404: "Not Found", 405: "Method Not Allowed"}[error.status]
            raise AwsError(str(error.status), reason, status=error.status) from None
        told = self._told(Bucket, found.version_id)
        return {"ContentLength": len(body), "ETag": _etag(body)} | told

    def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:
        self._versions(Bucket, Key)
        bucket = self.buckets[Bucket]
        if VersionId is not None:
            removed = bucket.remove(Key, VersionId)
            was_marker = any(version.body is None for version in removed)
            return {"VersionId": VersionId} | ({"DeleteMarker": True} if was_marker else {})
        if bucket.is_versioned:
            return {"DeleteMarker": True, "VersionId": bucket.add(Key, None, self._clock())}
        bucket.remove(Key)
        return {}

    def list_objects_v2(self, Bucket: str, Prefix: str = "") -> dict[str, Any]:
        names = sorted(self._bucket(Bucket).versions)
        there = [name for name in names if name.startswith(Prefix)]
        keys = [key for key in there if _is_there(self._versions(Bucket, key))]
        if len(keys) > 1_000:
            raise NotInPocketError("a second page of objects")
        found = {"Contents": [{"Key": key} for key in keys]} if keys else {}
        return {"KeyCount": len(keys), "IsTruncated": False, **found}

    def _found(self, bucket: str, key: str, version_id: str | None) -> tuple[Version, bytes]:
        versions = self._versions(bucket, key)
        if version_id is None:
            found = versions[-1:]
        else:
            found = [version for version in versions if version.version_id == version_id]
            if not found:
                raise AwsError("NoSuchVersion", "The specified version does not exist.", status=404)
            if found[0].body is None:
                message = "The specified method is not allowed against this resource."
                raise AwsError("MethodNotAllowed", message, status=405)
        if not found or found[0].body is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", status=404)
        return found[0], found[0].body

    def _versions(self, bucket_name: str, key: str) -> list[Version]:
        """Returns the versions of a key; what a rule has ended by now is gone."""
        bucket = self._bucket(bucket_name)
        _check_key(key)
        before, rules = bucket.versions.get(key, []), bucket.rules()
        after = after_lifecycle(key, before, rules, self._clock(), bucket.is_versioned)
        if after != before:
            bucket.versions[key] = after
        if not after:
            bucket.versions.pop(key, None)
        return after

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", status=404)
        return self.buckets[name]

    def _told(self, bucket: str, version_id: str) -> dict[str, str]:
        return {"VersionId": version_id} if self.buckets[bucket].is_versioned else {}


def _check_key(key: str) -> None:
    """Raises AwsError for a key that is too long, or climbs out of its bucket.

    Source: S3, "Naming objects": from the left, never more ".." than names before.
    """
    if len(key.encode()) > MAX_KEY_BYTES:
        raise AwsError("KeyTooLongError", "Your key is too long")
    depth = 0
    for part in key.split("/"):
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise AwsError("InvalidURI", "Couldn't parse the specified URI.")


def _is_there(versions: Sequence[Version]) -> bool:
    return bool(versions) and versions[-1].body is not None


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
