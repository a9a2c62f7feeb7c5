"""Everything in order, and undone in reverse, whatever happens."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from local import build as building
from local import stack as stacks
from local import tasks
from local.bedrock import Bedrock
from local.console import Console, LocalError
from local.emulator import Emulator
from local.front_door import FrontDoor
from local.function_logs import FunctionLogs
from local.going_on import GoingOn
from local.guard import Guard
from local.kept import Kept
from local.mail import Mailbox
from local.operators import Operators
from local.other_agent import AGENT, with_agent
from local.problems import Problems
from local.proxy import Proxy
from local.records import Records
from local.reload import Reloader
from local.removal import remove
from local.sent_letters import Letters
from local.server import LoopbackServer
from local.session_routes import Sessions
from local.settings import REGION, SCRIPTED, Settings
from local.signatures import OwnerKey
from local.snapshot import Snapshot
from local.stack import Stack
from local.traces import Traces
from local.view import View

FUNCTIONS = {
    "agent": "AgentFunction",
    "approval": "ApprovalFunction",
    "unitok": "UniTokFunction",
    "sweeper": "SweeperFunction",
    "operator": "OperatorFunction",
}
TASK_QUEUE, DEAD_LETTER_QUEUE = "post-generator-task-queue", "post-generator-dead-letter-queue"
SESSIONS_TABLE, WAITS_TABLE, BUCKET = "agent-memory-store", "-approvals", "StateBucket"
POSTS_TABLE = "PostsTable"  # Whoever has a receiver has removed the example's.
TOPICS = ("approval-notifications", "escalation-notifications")
_OWN_FILES = ("stack.json", "functions.log", "emulator.log")
_OWN_FOLDERS = ("tmp", "rebuild")


@dataclass(frozen=True)
class Running:
    """A running stack."""

    settings: Settings
    emulator: Emulator
    stack: Stack
    mailbox: Mailbox
    traces: Traces
    build: building.Build
    view: View
    problems: Problems

    @property
    def task_queue_url(self) -> str:
        """The queue of tasks."""
        return self.stack.id_ending(TASK_QUEUE)

    @property
    def has_feed(self) -> bool:
        """Whether the example's receiver, UniTok, is in the stack."""
        return POSTS_TABLE in self.stack.physical_ids


@contextlib.contextmanager
def running(
    settings: Settings, console: Console, *, reload: bool = True, agent: Path | None = None
) -> Iterator[Running]:
    """Starts the stack, and stops it at the end.

    Args:
        settings: What to run, and where.
        console: Who watches.
        reload: Whether changed files become running code.
        agent: A folder with another agent in the place of the example's, for this run alone.

    Raises:
        LocalError: It could not start; nothing is left behind.
    """
    with contextlib.ExitStack() as undo:
        # The port first: a second run must not touch what the first one made.
        server = undo.enter_context(contextlib.closing(LoopbackServer(settings.port)))
        undo.enter_context(_own_folder(settings))
        traces = undo.enter_context(contextlib.closing(Traces()))
        bedrock = undo.enter_context(contextlib.closing(Bedrock(settings)))
        bedrock.start()
        emulator = Emulator(settings.state_dir, traces.open())
        going_on = _going_on(settings, emulator, console)
        undo.callback(emulator.stop)
        run = _start(settings, console, emulator, traces, agent, going_on)
        stacks.give(emulator, run.stack, AGENT, bedrock.function_environment | settings.passed)
        undo.callback(run.mailbox.close)
        bedrock.follow(run.problems.say)
        logs = _function_logs(run, console)
        logs.start()
        undo.callback(logs.stop)
        if reload:
            reloader = Reloader(settings, emulator, run.stack, run.build, console)
            reloader.start()
            undo.callback(reloader.stop)
        if going_on:
            snapshot = _snapshot(run)
            going_on.put_back(snapshot, run.mailbox)
            undo.callback(going_on.keep, snapshot, run.mailbox)
            undo.callback(server.close)  # First of all: nothing comes in while it is kept.
        server.open(_front_door(run))
        _write_stack_json(run)
        yield run


def _going_on(settings: Settings, emulator: Emulator, console: Console) -> GoingOn | None:
    kept = Kept(settings.kept_dir, settings.front_url, console)
    if settings.keeps:
        return GoingOn(kept, emulator, settings.front_url, console)
    kept.hint()
    return None


def _snapshot(run: Running) -> Snapshot:
    waits = run.stack.id_ending(WAITS_TABLE)
    return Snapshot(run.emulator, run.stack, run.build.resources, waits)


def _start(
    settings: Settings,
    console: Console,
    emulator: Emulator,
    traces: Traces,
    agent: Path | None,
    going_on: GoingOn | None,
) -> Running:
    emulator.start()
    with console.step("sam build") as notes:
        build = building.build(settings)
        notes.append("" if build.is_new else "nothing changed")
        if agent:
            build = with_agent(build, agent)
    with console.step("ministack") as notes:
        emulator.wait_until_ready()
        notes.append(emulator.endpoint_url)
    if going_on:
        going_on.hold()
    with console.step("stack") as notes:
        stack = stacks.create(settings, emulator, build)
        notes.append(f"{len(stack.physical_ids)} resources of the templates")
    topic_arns = [stack.id_ending(name) for name in TOPICS]
    letters = _letters(settings, emulator, agent) if settings.mail_from else None
    mailbox = Mailbox(emulator, topic_arns, settings.front_url, letters and letters.new)
    mailbox.open()
    queues = [stack.id_ending(name) for name in (TASK_QUEUE, DEAD_LETTER_QUEUE)]
    sessions, waits = stack.id_ending(SESSIONS_TABLE), stack.id_ending(WAITS_TABLE)
    view = View(emulator, sessions, *queues, waits)
    return Running(settings, emulator, stack, mailbox, traces, build, view, Problems(console))


def _letters(settings: Settings, emulator: Emulator, agent: Path | None) -> Letters:
    """Has SES know the sender, as its owner would by a click in an e-mail."""
    emulator.client("sesv2").create_email_identity(EmailIdentity=settings.mail_from)
    folder = agent or settings.root / "src" / "layer" / "python"
    return Letters(emulator, folder / "people.toml", settings.front_url)


def _front_door(run: Running) -> FrontDoor:
    send = partial(tasks.send, run.emulator.client("sqs"), run.task_queue_url)
    owner = OwnerKey(run.emulator.access_key_id, run.emulator.secret_access_key)
    proxy = Proxy(run.stack, run.emulator.port, owner)
    return FrontDoor(
        guard=Guard(run.settings.port),
        proxy=proxy,
        mailbox=run.mailbox,
        traces=run.traces,
        view=run.view,
        sessions=_sessions(run, Operators(proxy, owner, f"localhost:{run.settings.port}")),
        send_task=send,
        is_scripted=run.settings.model_id == SCRIPTED,
        started_at=time.time(),
        has_feed=run.has_feed,
    )


def _sessions(run: Running, operators: Operators) -> Sessions:
    ids = run.stack.physical_ids
    waits = run.stack.id_ending(WAITS_TABLE)
    records = Records(run.emulator, run.view, waits, ids[BUCKET], ids.get(POSTS_TABLE))
    return Sessions(records, operators, run.mailbox, run.traces, run.problems)


def _function_logs(run: Running, console: Console) -> FunctionLogs:
    shown = {logical_id: name for name, logical_id in FUNCTIONS.items()}
    groups = {shown.get(key, key): group for key, group in run.stack.log_groups.items()}
    path = run.settings.state_dir / "functions.log"
    return FunctionLogs(run.emulator, groups, path, console, run.problems, run.settings.root)


def _write_stack_json(run: Running) -> None:
    """Last, and whole or not at all: who finds the file finds a stack that answers."""
    stack = run.stack
    content = {
        "front_url": run.settings.front_url,
        "endpoint_url": run.emulator.endpoint_url,
        "region": REGION,
        "access_key_id": run.emulator.access_key_id,
        "secret_access_key": run.emulator.secret_access_key,
        "queue_url": run.task_queue_url,
        "dead_letter_queue_url": stack.id_ending(DEAD_LETTER_QUEUE),
        "tables": {
            "sessions": stack.id_ending(SESSIONS_TABLE),
            "approvals": stack.id_ending(WAITS_TABLE),
            **({"posts": posts} if (posts := stack.physical_ids.get(POSTS_TABLE)) else {}),
        },
        "functions": {
            name: stack.physical_ids[key]
            for name, key in FUNCTIONS.items()
            if key in stack.physical_ids
        },
    }
    path = run.settings.stack_json
    # Only its owner may read it: it holds the key to this stack.
    descriptor, temporary = tempfile.mkstemp(dir=run.settings.state_dir / "tmp")
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    os.replace(temporary, path)


@contextlib.contextmanager
def _own_folder(settings: Settings) -> Iterator[None]:
    """Holds the state folder for this run alone, and leaves nothing in it."""
    folder = settings.state_dir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lock"
    with path.open("w") as lock:  # The system lets go of it if this process is killed.
        if not _lock(lock, path):
            raise LocalError(_already_running(settings))
        try:
            _clear(folder)  # What a killed run left.
            (folder / "tmp").mkdir()
            yield
        finally:
            # Who deletes it and starts again has another run's files here by now.
            if _is_held(lock, path) or not path.exists():
                _clear(folder)
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # Something else lives in it.
                folder.rmdir()


def _lock(lock: TextIO, path: Path) -> bool:
    """Takes the lock, unless another run has it or has just removed this very file."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _is_held(lock, path)
    except OSError:
        return False


def _is_held(lock: TextIO, path: Path) -> bool:
    """Whether the file that was locked is still the one that others find."""
    try:
        return os.fstat(lock.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _already_running(settings: Settings) -> str:
    try:
        url = json.loads(settings.stack_json.read_text())["front_url"]
    except (OSError, ValueError, KeyError):
        return "Another run from this folder is starting or stopping."
    return f"A stack from this folder runs already, at {url}. Stop it first (Ctrl-C)."


def _clear(folder: Path) -> None:
    for name in _OWN_FILES:
        (folder / name).unlink(missing_ok=True)
    remove([folder / name for name in _OWN_FOLDERS], folder)
