"""The tests' own S3: versions, the rules that end them, and keys that it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pocket.lifecycle import LifecycleRule, rules_of

from pocket import NotInPocketError, Pocket

DAY_SECONDS = 86_400
KEPT, PLAIN = "kept-versions", "plain"
Code = Callable[..., str]


@pytest.fixture
def rules() -> list[LifecycleRule]:
    """The rules of the bucket with versions; a test adds to them."""
    return []


@pytest.fixture
def s3(aws_clients: dict[str, Any], pocket: Pocket, rules: list[LifecycleRule]) -> Any:
    """A client, and two buckets: one keeps versions."""
    pocket.s3.add_bucket(KEPT, is_versioned=True, rules=lambda: rules)
    pocket.s3.add_bucket(PLAIN, rules=lambda: rules)
    return aws_clients["s3"]


@pytest.fixture
def after_days(pocket: Pocket) -> Callable[[float], None]:
    """Lets days pass."""

    def wait(days: float) -> None:
        pocket.clock.step(days * DAY_SECONDS)  # type: ignore[attr-defined]

    return wait


def put(s3: Any, key: str, body: bytes, bucket: str = KEPT) -> str:
    found: str = s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", "")
    return found


def get(s3: Any, key: str, bucket: str = KEPT, **version: str) -> bytes | str:
    """What is there, or the code of the error."""
    try:
        found: bytes = s3.get_object(Bucket=bucket, Key=key, **version)["Body"].read()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return found


def test_what_was_overwritten_is_found_by_its_version(s3: Any) -> None:
    first, second = put(s3, "a", b"1"), put(s3, "a", b"2")
    assert get(s3, "a") == b"2"
    assert get(s3, "a", VersionId=first) == b"1"
    assert s3.get_object(Bucket=KEPT, Key="a")["VersionId"] == second
    assert s3.head_object(Bucket=KEPT, Key="a", VersionId=first)["VersionId"] == first


def test_what_was_deleted_is_found_by_its_version_only(s3: Any) -> None:
    version = put(s3, "a", b"1")
    marker = s3.delete_object(Bucket=KEPT, Key="a")
    assert marker["DeleteMarker"] is True
    assert get(s3, "a") == "NoSuchKey"
    assert s3.list_objects_v2(Bucket=KEPT)["KeyCount"] == 0
    assert get(s3, "a", VersionId=version) == b"1"
    assert get(s3, "a", VersionId=marker["VersionId"]) == "MethodNotAllowed"


def test_a_deleted_marker_brings_the_object_back(s3: Any) -> None:
    put(s3, "a", b"1")
    marker = s3.delete_object(Bucket=KEPT, Key="a")["VersionId"]
    gone = s3.delete_object(Bucket=KEPT, Key="a", VersionId=marker)
    assert (gone["VersionId"], gone["DeleteMarker"]) == (marker, True)
    assert get(s3, "a") == b"1"


def test_a_deleted_version_is_gone(s3: Any) -> None:
    first, _ = put(s3, "a", b"1"), put(s3, "a", b"2")
    assert "DeleteMarker" not in s3.delete_object(Bucket=KEPT, Key="a", VersionId=first)
    assert get(s3, "a", VersionId=first) == "NoSuchVersion"
    assert get(s3, "a") == b"2"


def test_a_bucket_without_versions_tells_none_and_keeps_none(s3: Any) -> None:
    assert put(s3, "a", b"1", PLAIN) == ""
    assert "VersionId" not in s3.get_object(Bucket=PLAIN, Key="a")
    assert s3.delete_object(Bucket=PLAIN, Key="a").keys() == {"ResponseMetadata"}
    assert get(s3, "a", PLAIN, VersionId="null") == "NoSuchVersion"


def test_a_rule_ends_what_begins_with_its_prefix(
    s3: Any, rules: list[LifecycleRule], after_days: Callable[[float], None]
) -> None:
    rules += [LifecycleRule("short/", days=2), LifecycleRule("long/", days=20)]
    for key in ("short/a", "long/a", "kept/a"):
        put(s3, key, b"1")
        put(s3, key, b"1", PLAIN)
    after_days(2.1)
    for bucket in (KEPT, PLAIN):
        found = [get(s3, key, bucket) for key in ("short/a", "long/a", "kept/a")]
        assert found == ["NoSuchKey", b"1", b"1"]


def test_what_a_rule_ended_is_a_noncurrent_version_from_then_on(
    s3: Any, rules: list[LifecycleRule], after_days: Callable[[float], None], pocket: Pocket
) -> None:
    rules += [LifecycleRule(days=2), LifecycleRule(noncurrent_days=3, removes_markers=True)]
    version = put(s3, "a", b"1")
    after_days(4.9)
    assert get(s3, "a") == "NoSuchKey"
    assert get(s3, "a", VersionId=version) == b"1"
    after_days(0.2)
    assert get(s3, "a", VersionId=version) == "NoSuchVersion"
    assert pocket.s3.buckets[KEPT].versions == {}


def test_a_version_goes_so_many_days_after_the_next_was_written(
    s3: Any, rules: list[LifecycleRule], after_days: Callable[[float], None]
) -> None:
    rules += [LifecycleRule(noncurrent_days=3)]
    first = put(s3, "a", b"1")
    after_days(100)
    second = put(s3, "a", b"2")
    after_days(2.9)
    assert get(s3, "a", VersionId=first) == b"1"
    after_days(0.2)
    assert get(s3, "a", VersionId=first) == "NoSuchVersion"
    assert get(s3, "a", VersionId=second) == b"2"


def test_a_marker_stays_as_long_as_it_hides_something(
    s3: Any, rules: list[LifecycleRule], after_days: Callable[[float], None], pocket: Pocket
) -> None:
    rules += [LifecycleRule(noncurrent_days=3, removes_markers=True)]
    put(s3, "a", b"1")
    s3.delete_object(Bucket=KEPT, Key="a")
    after_days(2.9)
    pocket.s3.apply_lifecycle()
    assert len(pocket.s3.buckets[KEPT].versions["a"]) == 2
    after_days(0.2)
    pocket.s3.apply_lifecycle()
    assert pocket.s3.buckets[KEPT].versions == {}


def test_an_attribute_that_a_bucket_has_not_does_nothing(
    s3: Any, after_days: Callable[[float], None], pocket: Pocket
) -> None:
    put(s3, "a", b"1")
    pocket.s3.buckets[KEPT].expire_after_days = 90  # type: ignore[attr-defined]
    after_days(1_000)
    assert get(s3, "a") == b"1"


def test_the_same_writes_have_the_same_ids_again(s3: Any, pocket: Pocket) -> None:
    versions = [put(s3, "a", b"1"), put(s3, "a", b"1"), put(s3, "b", b"1")]
    pocket.s3.add_bucket("another", is_versioned=True)
    again = [put(s3, key, b"1", "another") for key in ("a", "a", "b")]
    assert versions == again
    assert len({*versions}) == 3


def test_rules_are_read_as_cloudformation_writes_them() -> None:
    rules = [
        {"Id": "short", "Status": "Enabled", "Prefix": "short/", "ExpirationInDays": "2"},
        {"Id": "off", "Status": "Disabled", "ExpirationInDays": 1},
        {
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
            "ExpiredObjectDeleteMarker": True,
        },
    ]
    assert rules_of({"LifecycleConfiguration": {"Rules": rules}}) == [
        LifecycleRule("short/", days=2),
        LifecycleRule(noncurrent_days=3, removes_markers=True),
    ]
    assert rules_of({}) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"ExpirationDate": "2026-03-14T00:00:00Z"},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1}},
        {"ExpirationInDays": 3, "ExpiredObjectDeleteMarker": True},
    ],
)
def test_a_rule_that_is_not_known_is_no_rule_that_is_skipped(rule: dict[str, Any]) -> None:
    with pytest.raises(NotInPocketError):
        rules_of({"LifecycleConfiguration": {"Rules": [rule | {"Status": "Enabled"}]}})


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("x" * 1_024, None),
        ("ü" * 513, "KeyTooLongError"),
        ("../x", "InvalidURI"),
        ("a/../../x", "InvalidURI"),
        ("a/../x", None),
        ("..x/y", None),
    ],
)
def test_a_key_is_short_and_stays_below_its_bucket(s3: Any, key: str, code: str | None) -> None:
    try:
        s3.put_object(Bucket=PLAIN, Key=key, Body=b"")
    except ClientError as error:
        assert error.response["Error"]["Code"] == code
    else:
        assert code is None
