"""`make run`: the stack, until Ctrl-C."""

import argparse
import os
import time
from dataclasses import replace

from local.console import Console, LocalError, step_line
from local.endings import Endings
from local.lifecycle import Running, running
from local.settings import (
    SCRIPTED,
    Settings,
    keep_from_environment,
    make_settings,
    port_from_environment,
)

_POLL_SECONDS = 0.5


def main(console: Console, options: argparse.Namespace) -> int:
    """Runs until a signal ends it; returns the exit status.

    Raises:
        LocalError: It could not start, the emulator ended, or its folder was deleted.
    """
    settings = make_settings(port_from_environment(), options.state_dir)
    settings = replace(settings, keeps=keep_from_environment())
    console.say(f"Starting on {settings.front_url}")
    started = time.monotonic()
    with running(settings, console, reload=not options.no_reload) as run:
        console.say(step_line("ready", time.monotonic() - started) + "\n")
        _say_what_next(console, settings, has_feed=run.has_feed)
        try:
            _watch(run, console)
        finally:
            console.say("\nStopping …")


def _watch(run: Running, console: Console) -> None:
    """Says what happens, until a signal or a fault ends the run."""
    endings = Endings(run.view, run.traces, console)
    while True:
        time.sleep(_POLL_SECONDS)
        _require_folder(run.settings)
        run.emulator.check()
        endings.look()
        for problem in run.emulator.new_problems():
            console.error(problem)


def _say_what_next(console: Console, settings: Settings, *, has_feed: bool) -> None:
    feed = f"See what is out  {settings.front_url}/feed\n" if has_feed else ""
    url, folder = settings.front_url, os.path.relpath(settings.state_dir)
    console.say(f"""\
Send a task      {url}   or: make task TASK="Write about our new stable"
Approve it       {url}/local/mail
{feed}AWS, from here   {folder}/stack.json has the endpoint and its key
The model        {_model(settings)}

Change a file under src/ and it runs. What the functions log comes below, and all of it in
{folder}/functions.log. Ctrl-C stops everything; {_what_then(settings)}.
""")


def _model(settings: Settings) -> str:
    if settings.model_id == SCRIPTED:
        return "a script, no AI; docs/adapt.md#a-real-model has how to take a real one"
    if settings.bedrock_profile:
        return f"{settings.model_id}, on Bedrock, paid by the profile {settings.bedrock_profile}"
    return f"{settings.model_id} (Bedrock would need BEDROCK_PROFILE=name, too)"


def _what_then(settings: Settings) -> str:
    if settings.keeps:
        return "the next make run KEEP=1 goes on from there"
    return "what was in it is gone then (make run KEEP=1 keeps it)"


def _require_folder(settings: Settings) -> None:
    """The emulator and the functions live in it: without it nothing works, and little says so."""
    if not settings.stack_json.exists():
        folder = os.path.relpath(settings.state_dir)
        raise LocalError(f"{folder} was deleted, and this run lives in it: start again (make run).")
