"""What the template's bucket keeps, and for how long, whatever a parameter says."""

import pytest
from pocket.lifecycle import rules_of

from aws_template import parameters_of, resolved, whole
from longrunning_testkit import worlds as world_module
from sample_world import World

BUCKET = "test-agent-state"
DAY_SECONDS = 86_400
RESTORABLE_DAYS = 35
"""Source: DynamoDB, "Point-in-time recovery"."""


def put(world: World, key: str) -> str:
    found: str = world.aws["s3"].put_object(Bucket=BUCKET, Key=key, Body=b"x")["VersionId"]
    return found


def is_there(world: World, key: str, **version: str) -> bool:
    s3 = world.aws["s3"]
    try:
        s3.get_object(Bucket=BUCKET, Key=key, **version)
    except s3.exceptions.ClientError:
        return False
    return True


@pytest.mark.parametrize("silence", whole()["Parameters"]["OnSilence"]["AllowedValues"])
@pytest.mark.parametrize("key", ["kept/a-session/agent/1", "a-session/agent/1"])
def test_what_is_kept_is_never_too_old(world: World, silence: str, key: str) -> None:
    world.monkeypatch.setenv("ON_SILENCE", silence)
    put(world, key)
    world.step(20 * 365 * DAY_SECONDS)
    assert is_there(world, key)


@pytest.mark.parametrize("silence", whole()["Parameters"]["OnSilence"]["AllowedValues"])
@pytest.mark.parametrize(("prefix", "days"), [("short/", 200), ("long/", 2_000)])
def test_leftovers_go_when_no_session_can_need_them(
    world: World, silence: str, prefix: str, days: int
) -> None:
    world.monkeypatch.setenv("ON_SILENCE", silence)
    version = put(world, f"{prefix}a-session/agent/1")
    world.step((days - 1) * DAY_SECONDS)
    assert is_there(world, f"{prefix}a-session/agent/1")
    world.step(2 * DAY_SECONDS)
    assert not is_there(world, f"{prefix}a-session/agent/1")
    world.step(RESTORABLE_DAYS * DAY_SECONDS)
    assert not is_there(world, f"{prefix}a-session/agent/1", VersionId=version)


@pytest.mark.parametrize("prefix", ["short/", "long/", "kept/", ""])
def test_what_restored_tables_point_to_is_there_by_its_version(world: World, prefix: str) -> None:
    key = f"{prefix}a-session/agent/1"
    version = put(world, key)
    world.aws["s3"].delete_object(Bucket=BUCKET, Key=key)
    world.step(RESTORABLE_DAYS * DAY_SECONDS)
    assert not is_there(world, key)
    assert is_there(world, key, VersionId=version)
    world.step(2 * DAY_SECONDS)
    assert world.pocket.s3.buckets[BUCKET].versions == {}, "costs money, and serves nobody"


def test_a_rule_of_the_template_that_follows_a_parameter_does_so_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a change of the template which brings such a rule back is seen by these tests."""
    bucket = whole()["Resources"]["StateBucket"]["Properties"]
    status = {"Fn::If": ["WaitForEver", "Disabled", "Enabled"]}
    days = {"Fn::FindInMap": ["Hours", {"Ref": "DecideWithinHours"}, "Seconds"]}
    rule = {"Id": "leftovers", "Status": status, "ExpirationInDays": days}
    monkeypatch.setitem(bucket, "LifecycleConfiguration", {"Rules": [rule]})
    waits = {"Fn::Not": [{"Fn::Not": [{"Fn::Equals": [{"Ref": "OnSilence"}, "wait"]}]}]}
    monkeypatch.setitem(whole()["Conditions"], "WaitForEver", waits)
    monkeypatch.setenv("ON_SILENCE", "wait")
    assert world_module.lifecycle_rules() == []
    put(world, "kept/1")
    world.step(3_601 * DAY_SECONDS)
    assert is_there(world, "kept/1")
    monkeypatch.setenv("ON_SILENCE", "deny")
    assert not is_there(world, "kept/1")
    monkeypatch.setenv("DECIDE_WITHIN_SECONDS", "86400")
    [found] = rules_of(resolved("StateBucket", parameters_of("AgentFunction", world.env)))
    assert found.days == 3_600
    [found] = world_module.lifecycle_rules()
    assert found.days == 86_400
