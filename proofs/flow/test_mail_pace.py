"""E-mails keep their pace, whatever sends them: SNS suspends a subscription above ten a second."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import botocore.session
import pytest

from converse_stand_in import tool_use
from longrunning.people.shared_pace import LEAD_SECONDS, SHARED_PER_SECOND, SharedPace
from longrunning_testkit.worlds import forget_environments
from sample_world import World

TASKS = 12


@pytest.fixture
def asking(world: World) -> World:
    """A model that asks two questions for each task."""
    world.play(
        lambda request: [
            tool_use(f"ask-{n}", "human_approval", {"content": f"Text {n}"}) for n in (1, 2)
        ]
    )
    return world


def sent_at(world: World, topic: str = "APPROVAL_TOPIC_ARN") -> list[float]:
    return [mail.at for mail in world.pocket.sns.topics[world.env[topic]].published]


def gaps(times: list[float]) -> Iterator[float]:
    return (later - earlier for earlier, later in pairwise(times))


def with_agents(world: World, agents: int) -> None:
    world.monkeypatch.setenv("MAXIMUM_CONCURRENCY", str(agents))
    forget_environments()


def pace_of_all(world: World) -> SharedPace:
    table = world.env["APPROVALS_TABLE_NAME"]
    return SharedPace(world.aws["dynamodb"], table, "agents", world.clock, world.step)


@pytest.mark.parametrize("agents", [2, 5])
def test_few_agents_send_an_e_mail_a_second_each_whichever_environment_does_it(
    asking: World, agents: int
) -> None:
    with_agents(asking, agents)
    for _ in range(TASKS):
        asking.start()
        forget_environments()  # As after a crash: the next one knows of nothing.
    assert len(sent_at(asking)) == TASKS
    assert min(gaps(sent_at(asking))) >= 1


def test_many_agents_send_four_a_second_between_them(asking: World) -> None:
    with_agents(asking, 50)
    for _ in range(TASKS):
        asking.start()
        forget_environments()
    assert len(sent_at(asking)) == TASKS
    assert min(gaps(sent_at(asking))) == pytest.approx(1 / SHARED_PER_SECOND, abs=0.01)


def test_where_no_mailbox_is_subscribed_nothing_waits(asking: World) -> None:
    with_agents(asking, 0)
    for _ in range(TASKS):
        asking.start()
    assert max(gaps(sent_at(asking))) < 0.01


def test_an_e_mail_that_is_due_after_the_functions_end_comes_back_for_it_and_goes_once(
    asking: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with_agents(asking, 1_000)
    others = pace_of_all(asking)
    at = [others._take_free() for _ in range(1_200)][-1] / 1000 + 1 / SHARED_PER_SECOND
    session_id = asking.start()
    assert (asking.session(session_id).status, asking.read_mail()) == ("waiting", [])
    asking.step(at - LEAD_SECONDS - 5 - asking.clock())
    assert asking.deliver() is None, "not before it is due"
    asking.deliver_until_quiet()
    assert sent_at(asking) == [pytest.approx(at, abs=0.01)]
    assert len(asking.read_mail()) == 2
    assert asking.dead_letters() == []
    assert "RunFailed" not in capsys.readouterr().out, "no fault: it waits for its turn"


def test_reminders_of_one_sweep_go_out_four_a_second(asking: World) -> None:
    for _ in range(5):
        asking.start()
    before = len(sent_at(asking))
    asking.step(1_800)
    asking.sweep()
    reminded = sent_at(asking)[before:]
    assert len(reminded) == 10
    assert min(gaps(reminded)) >= 1 / SHARED_PER_SECOND - 0.001


def test_a_sweep_beside_another_waits_for_its_place(asking: World) -> None:
    asking.start()
    asking.step(1_800)
    table = asking.env["APPROVALS_TABLE_NAME"]
    other = SharedPace(asking.aws["dynamodb"], table, "sweepers", time.time, asking.step)
    taken = [other._take_free() for _ in range(3)]
    asking.sweep()
    assert sent_at(asking)[-2] >= taken[-1] / 1000 + 1 / SHARED_PER_SECOND - 0.001


def test_a_sweep_repeats_no_e_mail_behind_the_back_of_its_pace(asking: World) -> None:
    """Its question about who is subscribed may be repeated at once."""
    made: list[tuple[str, Any]] = []
    create = botocore.session.Session.create_client

    def noted(self: Any, service: str, *args: Any, **kwargs: Any) -> Any:
        made.append((service, kwargs["config"].retries["total_max_attempts"]))
        return create(self, service, *args, **kwargs)

    asking.monkeypatch.setattr(botocore.session.Session, "create_client", noted)
    asking.sweep()
    assert sorted(tries for service, tries in made if service == "sns") == [1, 3]
