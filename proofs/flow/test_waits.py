"""Each wait has its own deadline, and what is needed for it lives as long: jobs, timers, people."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import Field

from agents import a_job, a_long_tool, give_long_tools, give_tools
from converse_stand_in import tool_use
from core_samples import metrics
from longrunning import human_approval, sessions
from longrunning.agent.long_running import CannotStart
from longrunning.human_approval import pause
from longrunning.messages import build_existing, tool_result
from longrunning.waits.item import Status, Wait
from sample_world import World
from test_detours import ask, last_results, publish, told

HOUR, DAY = 3_600, 86_400
RETENTION = 90 * DAY  # longrunning_testkit/worlds.py sets it.


def answer(world: World, session_id: str, text: str, tool_use_id: str = "job-1") -> None:
    result = tool_result(tool_use_id, "success", text)
    world.send(build_existing(session_id, "render", [result]))
    world.deliver_until_quiet()


def one_record(world: World, session_id: str) -> Wait:
    (record,) = world.approvals(session_id)
    return record


def stored(world: World, table: str) -> dict[str, Any]:
    (item,) = world.aws["dynamodb"].scan(TableName=world.env[table])["Items"]
    found: dict[str, Any] = item
    return found


# --- how long ------------------------------------------------------------------------------------


def test_a_job_outlasts_the_people(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use("job-1", "render", {})], "The end."])
    session_id = world.start()
    for _ in range(14):
        world.step(DAY)
        assert world.sweep()["expired"] == 0
    answer(world, session_id, "17.mp4")
    assert "17.mp4" in json.dumps(last_results(world)["job-1"])


@pytest.mark.parametrize(
    ("within", "seconds"),
    [
        (None, 30 * DAY),
        (timedelta(minutes=1), 60),
        (timedelta(days=900), 900 * DAY),
        (timedelta(days=1_826), 1_826 * DAY),
    ],
)
def test_a_tool_says_how_long_it_waits_and_all_it_needs_lives_longer(
    world: World, monkeypatch: pytest.MonkeyPatch, within: timedelta | None, seconds: int
) -> None:
    give_tools(monkeypatch, a_job(within=within))
    world.play([[tool_use("job-1", "render", {})], "The end."])
    now = int(world.clock())
    session_id = world.start(" ".join(map(str, range(4_000))))
    record, session = one_record(world, session_id), world.session(session_id)
    assert record.decide_by == now + seconds
    assert session.expires_at == record.decide_by + RETENTION
    assert record.expires_at == session.expires_at + DAY
    assert session.base
    assert session.base.outlives(session.expires_at)
    world.step(seconds - 1)
    assert world.sweep()["expired"] == 0
    answer(world, session_id, "17.mp4")
    assert world.session(session_id).status == sessions.COMPLETED


def test_of_a_job_and_a_question_each_has_its_own_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job(within=timedelta(days=200)))
    world.play([[ask("ask-1", "Hi"), tool_use("job-1", "render", {})], "The end."])
    now = int(world.clock())
    session_id = world.start()
    ends = {a.tool_use_id: a.decide_by - now for a in world.approvals(session_id)}
    assert ends == {"ask-1": HOUR, "job-1": 200 * DAY}
    kept = {a.tool_use_id: a.expires_at for a in world.approvals(session_id)}
    assert set(kept.values()) == {now + 200 * DAY + RETENTION + DAY}
    world.step(HOUR)
    assert world.sweep()["expired"] == 1
    world.step(100 * DAY)
    answer(world, session_id, "17.mp4")
    results = last_results(world)
    assert told(results["ask-1"])["decision"] == "expired"
    assert results["job-1"]["content"] == [{"text": "17.mp4"}]


@pytest.mark.parametrize("within", [timedelta(seconds=59), timedelta(days=1_827), timedelta(0)])
def test_a_time_that_is_out_of_bounds_is_an_error_and_no_pause(
    world: World, monkeypatch: pytest.MonkeyPatch, within: timedelta
) -> None:
    give_tools(monkeypatch, a_job(within=within))
    world.play([[tool_use("job-1", "render", {})], "I see."])
    session_id = world.start()
    assert last_results(world)["job-1"]["content"][0]["text"].startswith("within: expected")
    assert world.session(session_id).status == sessions.COMPLETED


def test_an_approval_that_is_left_for_later_outlives_the_next_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job(within=timedelta(days=400)))
    world.play([[ask("ask-1", "Hi")], [tool_use("job-1", "render", {})], [publish("p", "Hi")],
                "Done."])  # fmt: skip
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    kept = {a.tool_use_id: a.expires_at for a in world.approvals(session_id)}
    assert kept["ask-1"] == kept["job-1"]
    world.step(399 * DAY)
    answer(world, session_id, "17.mp4")
    assert world.session(session_id).outcome == "published"


# --- what comes late -----------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["once it has expired", "once the session has ended"])
def test_a_result_after_the_end_of_its_wait_is_kept_as_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    give_tools(monkeypatch, a_job(within=timedelta(hours=1)))
    world.play([[tool_use("job-1", "render", {})], "No video, so I stop."])
    session_id = world.start()
    world.step(HOUR)
    world.sweep()
    if when == "once the session has ended":
        world.deliver_until_quiet()
    answer(world, session_id, "17.mp4")
    assert "17.mp4" in json.dumps(world.dead_letters())
    assert metrics(capsys.readouterr().out)["ResultIgnored"] == 1


def test_a_second_result_leaves_a_trace_and_the_same_one_again_leaves_none(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give_tools(monkeypatch, a_job())
    world.play([[tool_use("job-1", "render", {})], "The end."])
    session_id = world.start()
    answer(world, session_id, "17.mp4")
    answer(world, session_id, "17.mp4")
    assert "ResultIgnored" not in metrics(capsys.readouterr().out)
    answer(world, session_id, "18.mp4")
    assert metrics(capsys.readouterr().out)["ResultIgnored"] == 1
    assert not world.dead_letters()
    assert len(world.stand_in.requests) == 2


def test_an_expired_job_does_not_make_the_sessions_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_tools(monkeypatch, a_job(within=timedelta(hours=1)))
    world.play([[tool_use("job-1", "render", {})], "I go on without the video. Done."])
    session_id = world.start()
    world.step(HOUR)
    world.sweep()
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "finished"


# --- what cannot be started ----------------------------------------------------------------------


def refused(code: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "SubmitJob")


def start_with(monkeypatch: pytest.MonkeyPatch, *fates: Exception | None) -> list[Wait]:
    """Gives the agent a tool whose start meets these fates in turn; returns what it is given."""
    given: list[Wait] = []

    def start(wait: Wait) -> None:
        fate = fates[min(len(given), len(fates) - 1)]
        given.append(wait)
        if fate:
            raise fate

    give_long_tools(monkeypatch, a_long_tool(start))
    return given


def start_scenes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Gives the agent a tool with an input; returns what it was started with."""
    scenes: list[tuple[str, int]] = []

    def start(
        wait: Wait,
        scene: str = Field(min_length=1),
        seconds: int = Field(default=10, le=60),
    ) -> None:
        scenes.append((scene, seconds))

    give_long_tools(monkeypatch, a_long_tool(start))
    return scenes


@pytest.mark.parametrize(
    ("fate", "why"),
    [
        (CannotStart("There is no such scene."), "There is no such scene."),
        (refused("AccessDeniedException", 400), "AccessDeniedException"),
        (refused("AccessDenied", 403), "AccessDenied"),
        (refused("ValidationException", 400), "ValidationException"),
        (refused("ResourceNotFoundException", 404), "ResourceNotFoundException"),
    ],
)
def test_the_model_hears_at_once_of_what_cannot_be_started(
    world: World, monkeypatch: pytest.MonkeyPatch, fate: Exception, why: str
) -> None:
    start_with(monkeypatch, fate)
    world.play([[tool_use("job-1", "render", {})], "It cannot be rendered."])
    session_id = world.start()
    result = last_results(world)["job-1"]
    assert (result["status"], result["content"]) == (
        "error",
        [{"text": f"render could not be started: {why}"}],
    )
    assert world.session(session_id).status == sessions.COMPLETED
    assert one_record(world, session_id).status == Status.RESOLVED
    assert not world.dead_letters()


@pytest.mark.parametrize(
    "fate",
    [ConnectionError(), refused("ThrottlingException", 400), refused("TooManyRequests", 429),
     refused("InternalError", 500), refused("ConflictException", 409)],
    ids=repr,
)  # fmt: skip
def test_what_another_try_may_mend_is_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, fate: Exception
) -> None:
    given = start_with(monkeypatch, fate, None)
    world.play([[tool_use("job-1", "render", {})], "The end."])
    session_id = world.start()
    world.deliver_until_quiet()
    assert len(given) == 2
    answer(world, session_id, "17.mp4")
    assert world.session(session_id).status == sessions.COMPLETED
    assert not world.dead_letters()


def test_what_cannot_be_started_waits_for_the_others_of_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with(monkeypatch, CannotStart("No."))
    world.play([[tool_use("job-1", "render", {}), ask("ask-1", "Hi")], "The end."])
    world.start()
    assert len(world.stand_in.requests) == 1
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.deliver_until_quiet()
    assert last_results(world)["job-1"]["status"] == "error"


def test_a_worker_that_dies_after_it_could_not_start_is_made_up_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record holds the error: the sweeper tells of it as of any lost decision."""
    from longrunning.agent.worker import Worker

    start_with(monkeypatch, CannotStart("No."))
    world.play([[tool_use("job-1", "render", {})], "It cannot be rendered."])
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "go_on", lambda *_: 1 / 0)
        session_id = world.start()
    world.deliver_until_quiet()
    for _ in range(4):
        world.step(60)
        world.sweep()
        world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


@pytest.mark.parametrize(
    "given", [{}, {"scene": 7}, {"scene": ""}, {"scene": "sea", "seconds": 61}, {"seconds": "x"}]
)
def test_a_jobs_input_is_checked_before_anything_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    started = start_scenes(monkeypatch)
    world.play([[tool_use("job-1", "render", given)], "I see."])
    session_id = world.start()
    assert last_results(world)["job-1"]["content"][0]["text"].startswith("Invalid call: $")
    assert world.session(session_id).status == sessions.COMPLETED
    assert started == []


@pytest.mark.parametrize("given", [{"scene": "sea"}, {"scene": "sea", "seconds": None}])
def test_a_starter_gets_the_input_as_the_schema_completes_it(
    world: World, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    started = start_scenes(monkeypatch)
    world.play([[tool_use("job-1", "render", given)], "I see."])
    session_id = world.start()
    assert started == [("sea", 10)]
    assert one_record(world, session_id).tool_use_id == "job-1"


# --- the whole of a turn -------------------------------------------------------------------------


def test_a_starter_gets_our_id_where_the_providers_cannot_be_a_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    import converse_stand_in

    monkeypatch.setattr(converse_stand_in, "ID_PATTERN", re.compile(".+"))
    started = start_with(monkeypatch, None)
    world.play([[tool_use("call/1", "render", {})], "The end."])
    session_id = world.start()
    (wait,) = started
    ours = wait.tool_use_id
    answer(world, session_id, "17.mp4", ours)
    assert last_results(world)["call/1"]["content"] == [{"text": "17.mp4"}]


def test_what_waits_is_noted_with_its_own_time() -> None:
    state: dict[str, Any] = {"session_id": "s-1"}
    tool = {"toolUseId": "job-1", "name": "render", "input": {}}
    pause(tool, "Wait.", within=timedelta(hours=2), request_state=state)
    assert state["waiting"] == [
        {"tool_use_id": "job-1", "tool_name": "render", "within_seconds": 7_200}
    ]
    assert human_approval.pause is pause
