"""The long-running tools of docs/adapt.md, run exactly as they stand there."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agents import give_long_tools
from aws_template import ROOT
from converse_stand_in import tool_use
from longrunning.messages import build_existing, tool_result
from sample_world import World
from test_callbacks import post, url_of
from test_detours import last_results

DAY, HOUR = 86_400, 3_600
MODULES = ("wait_for_office", "render_video", "await_build")
MAX_LINES = 40

Example = Callable[[str], Any]


def blocks() -> dict[str, str]:
    """The guide's files, by their module's name."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/adapt.md").read_text(), re.M | re.S)
    titled = ((re.match(r"# src/agent/(\w+)\.py\n", block), block) for block in found)
    return {title[1]: block for title, block in titled if title}


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    """Imports a file of the guide by its module's name."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(blocks()[name])
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module
    for name in MODULES:
        sys.modules.pop(name, None)


def text(world: World, tool_use_id: str) -> str:
    return str(last_results(world)[tool_use_id]["content"][0]["text"])


def hint(world: World, session_id: str, tool: str, tool_use_id: str) -> None:
    world.send(build_existing(session_id, tool, [tool_result(tool_use_id, "success", "x")]))
    world.deliver_until_quiet()


@pytest.mark.parametrize("name", MODULES)
def test_a_new_long_running_tool_is_under_forty_lines(name: str) -> None:
    assert len(blocks()[name].splitlines()) < MAX_LINES


def test_the_timer_waits_for_the_office(
    world: World, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world's clock begins on a Saturday at ten; the office opens on Monday at nine."""
    give_long_tools(monkeypatch, example("wait_for_office").wait_for_office)
    world.play([[tool_use("office-1", "wait_for_office", {})], "Good morning."])
    session_id = world.start()
    world.step(47 * HOUR - 1)
    world.sweep()
    world.deliver_until_quiet()
    assert world.session(session_id).pending
    world.step(1)
    world.sweep()
    world.deliver_until_quiet()
    assert text(world, "office-1") == "The office is open."
    assert world.session(session_id).outcome == "finished"


class Batch:
    """AWS Batch, as far as the guide's tool asks it."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.submitted: list[dict[str, Any]] = []

    def list_jobs(self, jobQueue: str, filters: list[Any]) -> dict[str, Any]:
        ((name,),) = [f["values"] for f in filters if f["name"] == "JOB_NAME"]
        return {"jobSummaryList": [self.jobs[name]] if name in self.jobs else []}

    def submit_job(self, **job: Any) -> None:
        self.submitted.append(job)
        self.jobs[job["jobName"]] = {"status": "RUNNING"}


@pytest.mark.parametrize(
    ("ended", "status", "answer"),
    [
        ({"status": "SUCCEEDED"}, "success", "s3://videos/{name}.mp4"),
        ({"status": "FAILED", "statusReason": "Out of memory"}, "error", "Out of memory"),
    ],
)
def test_the_job_is_submitted_once_and_its_end_is_the_answer(
    world: World,
    example: Example,
    monkeypatch: pytest.MonkeyPatch,
    ended: dict[str, Any],
    status: str,
    answer: str,
) -> None:
    batch = Batch()
    tool = example("render_video").make_render_video(batch)
    give_long_tools(monkeypatch, tool)
    world.play([[tool_use("video-1", "render_video", {"scene": "sea"})], "Done."])
    session_id = world.start()
    (job,) = batch.submitted
    wait = next(w for w in world.approvals(session_id))
    assert (job["jobName"], job["parameters"]["scene"]) == (wait.name, "sea")
    tool.begin(wait, {"scene": "sea"})
    assert len(batch.submitted) == 1, "a second start finds the first one's job"
    hint(world, session_id, "render_video", "video-1")
    assert len(world.stand_in.requests) == 1
    batch.jobs[wait.name] = ended
    hint(world, session_id, "render_video", "video-1")
    assert last_results(world)["video-1"]["status"] == status
    assert text(world, "video-1") == answer.format(name=wait.name)


def test_the_build_is_handed_a_url_and_answers_there(
    world: World, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[dict[str, Any]] = []
    module = example("await_build")

    class Pool:
        status = 202

        def __init__(self, **_: Any) -> None: ...

        def request(self, method: str, url: str, body: str) -> "Pool":
            orders.append(json.loads(body))
            return self

    monkeypatch.setattr(module.urllib3, "PoolManager", Pool)
    give_long_tools(monkeypatch, module.make_await_build("https://ci.example.com", url_of))
    world.play([[tool_use("build-1", "await_build", {"branch": "main"})], "Built."])
    session_id = world.start()
    (order,) = orders
    assert order["branch"] == "main"
    assert post(world, order["answer_to"], {"status": "success", "result": "green"})[0] == 200
    world.deliver_until_quiet()
    assert text(world, "build-1") == "green"
    assert world.session(session_id).outcome == "finished"
