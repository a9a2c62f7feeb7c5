"""S3: whole objects in one bucket or more, and the lifecycle rule that ends them."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.response import StreamingBody

from pocket.errors import AwsError, NotInPocketError

SECONDS_PER_DAY = 86_400
MAX_KEY_BYTES = 1_024


@dataclass(frozen=True)
class _Object:
    body: bytes
    written_at: float


@dataclass
class Bucket:
    """Objects by key. `expire_after_days`: what the bucket's lifecycle rule says, if it has one."""

    objects: dict[str, _Object]
    expire_after_days: float | None = None


class S3:
    """All buckets."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.buckets: dict[str, Bucket] = {}

    def add_bucket(self, name: str, expire_after_days: float | None = None) -> None:
        self.buckets[name] = Bucket({}, expire_after_days)

    def put_object(self, Bucket: str, Key: str, Body: bytes = b"") -> dict[str, Any]:
        if not isinstance(Body, bytes):
            raise NotInPocketError(f"a body that is a {type(Body).__name__}")
        # Source: S3, "Naming objects": a key of at most 1,024 bytes that stays below its bucket.
        if len(Key.encode()) > MAX_KEY_BYTES:
            raise AwsError("KeyTooLongError", "Your key is too long")
        if Key.startswith("../"):
            raise AwsError("InvalidURI", "Couldn't parse the specified URI.")
        self._of(Bucket)[Key] = _Object(Body, self._clock())
        return {"ETag": _etag(Body)}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._of(Bucket).get(Key)
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", status=404)
        body = StreamingBody(io.BytesIO(found.body), len(found.body))
        return {"Body": body, "ContentLength": len(found.body), "ETag": _etag(found.body)}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._of(Bucket).get(Key)
        if found is None:
            raise AwsError("404", "Not Found", status=404)
        return {"ContentLength": len(found.body), "ETag": _etag(found.body)}

    def delete_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._of(Bucket).pop(Key, None)
        return {}

    def list_objects_v2(self, Bucket: str, Prefix: str = "") -> dict[str, Any]:
        keys = sorted(key for key in self._of(Bucket) if key.startswith(Prefix))
        if len(keys) > 1_000:
            raise NotInPocketError("a second page of objects")
        found = {"Contents": [{"Key": key} for key in keys]} if keys else {}
        return {"KeyCount": len(keys), "IsTruncated": False, **found}

    def _of(self, name: str) -> dict[str, _Object]:
        """Returns the objects of a bucket; what its rule has expired by now is gone."""
        if name not in self.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", status=404)
        bucket = self.buckets[name]
        if bucket.expire_after_days is not None:
            oldest = self._clock() - bucket.expire_after_days * SECONDS_PER_DAY
            bucket.objects = {k: o for k, o in bucket.objects.items() if o.written_at >= oldest}
        return bucket.objects


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
