"""`make demo`: a task past everything that may wait, by itself.

`STORY=people` is of people who must agree, `STORY=approval` the ten steps of one approval. Its
times are what the functions traced, counted from the moment the task was sent; a step that leaves
no trace of its own (validate, pause) has the moment the next one began or the one before it ended.
"""

import argparse
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from local import people_story, tasks
from local.console import Console, LocalError
from local.lifecycle import Running, running
from local.settings import make_settings, port_from_environment
from local.story import Beat, Story, task_for
from local.walk import Walk

LONG, APPROVAL, PEOPLE = "long", "approval", "people"
STORIES = (LONG, APPROVAL, PEOPLE)
DEFAULT_TASK = "Announce our new rainbow unicorn, for rent from Monday."


def main(console: Console, options: argparse.Namespace) -> int:
    """Runs the demo; returns the exit status.

    Raises:
        LocalError: It could not start, or a step failed: the message names it.
    """
    story = os.environ.get("STORY", "").strip() or LONG
    if story not in STORIES:
        raise LocalError(f"STORY={story} is no story: {' or '.join(STORIES)}.")
    console.shows_logs = False
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        port = _free_port(port_from_environment(), console)
        settings = make_settings(port, options.state_dir or os.path.join(folder, "state"))
        console.say(f"Starting on {settings.front_url}")
        started = time.monotonic()
        agent = people_story.FOLDER if story == PEOPLE else None
        with running(settings, console, reload=False, agent=agent) as run:
            console.say("")
            if story == PEOPLE:
                _tell_of_people(run, console)
            elif story == APPROVAL:
                _walk(run, os.environ.get("TASK", "").strip() or DEFAULT_TASK, console)
            else:
                _tell(run, console)
        console.say(f"\nDone, started and stopped in {time.monotonic() - started:.1f} s.")
    return 0


def _tell(run: Running, console: Console) -> None:
    task = task_for(time.time())
    story = Story(run, _send(run, console, task))
    _say_beats(story.beats(), console)
    _show(story.post, console)


def _tell_of_people(run: Running, console: Console) -> None:
    session_id = _send(run, console, people_story.TASK, people_story.REQUESTER)
    _say_beats(people_story.PeopleStory(run, session_id).beats(), console)


def _send(run: Running, console: Console, task: str, requested_by: str | None = None) -> str:
    by = f" ({requested_by})" if requested_by else ""
    console.say(f"Task: {task}{by}\n")
    return tasks.send(run.emulator.client("sqs"), run.task_queue_url, task, requested_by)


def _say_beats(beats: Iterator[Beat], console: Console) -> None:
    sent_at = time.time()
    try:
        for beat in beats:
            console.say(f"  {beat.at - sent_at:6.2f} s  {beat.name:<14}  {beat.note}")
    except (LocalError, OSError, ValueError, KeyError) as error:
        raise LocalError(f"The story broke off: {error}") from error


def _walk(run: Running, task: str, console: Console) -> None:
    console.say(f"Task: {task}\n")
    sent_at = time.time()
    session_id = tasks.send(run.emulator.client("sqs"), run.task_queue_url, task)
    walk = Walk(run, session_id, task)
    for name, step in walk.steps():
        try:
            happened = step()
        except (LocalError, OSError, ValueError, KeyError) as error:
            raise LocalError(f"The step {name} failed: {error}") from error
        console.say(f"  {name:<9} {happened.at - sent_at:6.2f} s  {happened.note}")
    _show(walk.post, console)


def _show(post: dict[str, Any], console: Console) -> None:
    console.say(f"\nPublished by {post['author']}, {post['unicorn_color']} unicorn:\n")
    console.say("\n".join(f"  | {line}" for line in post["content"].splitlines()))


def _free_port(wanted: int, console: Console) -> int:
    """Returns the wanted port, or any free one: nobody needs to know where a demo runs."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", wanted)) != 0:
            return wanted
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    console.say(f"Port {wanted} is busy: taking {port}.")
    return port
