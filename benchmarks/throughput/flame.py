"""What a profile says of the agent function: shares of its time, and a flame graph as SVG."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Stacks = Counter[tuple[str, ...]]
"""How often each stack was seen: a thread's name, then `function (file)`, the caller first."""

AWS_FILE = "AWS"
"""Stands in a stack for the file of an AWS call; the function is the service and operation."""

HANDLER = "handler (src/agent/agent_handler.py)"
LOOP = "main (benchmarks/throughput/agent_loop.py)"
RUN_ASYNC = "run_async (strands/_async.py)"
STARTS_AGENT = "(strands/_async.py)"
STARTS_THREADS = (STARTS_AGENT, "(opentelemetry/instrumentation/threading/__init__.py)")
AGENT_THREAD = "run_agent: the agent's own thread"
TOOL_THREADS = "run_agent: the threads of its tools"

IDLE = (
    "wait (threading.py)",
    "_wait_for_tstate_lock (threading.py)",
    "join (threading.py)",
    "select (selectors.py)",
    "_worker (concurrent/futures/thread.py)",
)
"""Where a thread ends that waits for another one, by the end of the last frame."""

FIRST_TIME = ("<frozen importlib", "_resources (src/agent/agent_handler.py)")
"""Of the first messages alone: imports, and what an environment makes once."""

OURS, MODEL, STRANDS, XRAY, CLIENT = (
    "our own code",
    "the model's stand-in",
    "strands, with its OpenTelemetry",
    "X-Ray, every message traced",
    "botocore and urllib3",
)
WAITING = "waiting for the emulator"
HAND_OVER = "from thread to thread"

OWNERS = {
    "src/layer/python/longrunning/agent/scripted/": MODEL,
    "src/": OURS,
    "strands/": STRANDS,
    "opentelemetry/": STRANDS,
    "aws_xray_sdk/": XRAY,
    "wrapt/": XRAY,
    "botocore/": CLIENT,
    "boto3/": CLIENT,
    "urllib3/": CLIENT,
    AWS_FILE: CLIENT,
}
"""Whose a frame is, by how its file begins; the first that fits. A stack is its last owner's."""

THREADS = {AGENT_THREAD: STRANDS, TOOL_THREADS: HAND_OVER}

SOCKET_READ = "readinto (socket.py)"
PUBLISHING = "_send (src/agent/publish_post.py)"

COLORS = {
    OURS: "#7bc47f",
    MODEL: "#f4a6c0",
    STRANDS: "#b7a4e0",
    XRAY: "#c9b08a",
    CLIENT: "#f6b26b",
    WAITING: "#c4d7ea",
}
OTHER_COLOR = "#dddddd"


@dataclass(frozen=True)
class Share:
    """A part of the function's time; samples."""

    what: str
    samples: int
    waiting: int = 0
    """Of these, for the emulator's answer."""


def parse(text: str) -> Stacks:
    """Reads py-spy's raw format: a thread and its frames with semicolons, then how often."""
    stacks: Stacks = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        stacks[(thread, *map(_shown, frames))] += int(count)
    return stacks


def _shown(frame: str) -> str:
    """Shortens `name (/where/it/is/file.py:12)` to the file's path in its package or project."""
    name, _, where = frame.rpartition(" (")
    file = re.sub(r":\d+\)$", "", where)
    for pattern in (r".*/site-packages/", re.escape(f"{ROOT}/"), r".*/lib/python[\d.]+/"):
        file = re.sub(f"^{pattern}", "", file)
    return f"{name} ({file})"


def of_the_function(stacks: Stacks) -> Stacks:
    """Returns the stacks in which the function was at work, each from the handler on.

    Strands runs an agent in a thread of its own, and a tool in another one, while the handler's
    waits: such a wait is left out, and what it waits for hangs under the handler instead.
    """
    found: Stacks = Counter()
    for (_thread, *frames), count in stacks.items():
        is_idle = not frames or frames[-1].endswith(IDLE)
        if _is_first_time(frames):
            continue
        if HANDLER in frames:
            if not (is_idle and RUN_ASYNC in frames):
                found[tuple(frames[frames.index(HANDLER) :])] += count
        elif not is_idle and LOOP not in frames and any(map(owner, frames)):
            root = AGENT_THREAD if any(f.endswith(STARTS_AGENT) for f in frames) else TOOL_THREADS
            found[(HANDLER, root, *_begun(frames))] += count
    return found


def samples_of_the_handler(stacks: Stacks) -> int:
    """Returns in how many samples a message was being handled, first ones left out."""
    return sum(n for f, n in stacks.items() if HANDLER in f and not _is_first_time(f))


def shares(stacks: Stacks) -> list[Share]:
    """Returns whose the function's time is, the largest first; together it is all of it."""
    samples: Counter[str] = Counter({MODEL: 0})  # Too quick to be met in a short profile.
    waiting: Counter[str] = Counter()
    for frames, count in of_the_function(stacks).items():
        what = _part(frames)
        samples[what] += count
        if frames[-1].endswith(SOCKET_READ):
            waiting[what] += count
    samples[HAND_OVER] += max(0, samples_of_the_handler(stacks) - samples.total())
    return [Share(what, count, waiting[what]) for what, count in samples.most_common()]


def owner(frame: str) -> str:
    """Returns whose a frame is, "" for the standard library and what else has no owner."""
    if frame in THREADS:
        return THREADS[frame]
    file = frame.rpartition("(")[2].rstrip(")")
    return next((whose for begin, whose in OWNERS.items() if file.startswith(begin)), "")


def _is_first_time(frames: Sequence[str]) -> bool:
    return any(first in frame for frame in frames for first in FIRST_TIME)


def _begun(frames: Sequence[str]) -> Sequence[str]:
    """Returns a thread's own work: the frames after those that started the thread."""
    begun = [n for n, f in enumerate(frames) if owner(f) and not f.endswith(STARTS_THREADS)]
    return frames[begun[0] if begun else -1 :]


def _part(frames: tuple[str, ...]) -> str:
    """Whose time it is; of an AWS call, which service's."""
    whose = next(filter(None, map(owner, reversed(frames))), OURS)
    if whose != CLIENT:
        return whose
    calls = [frame.split()[:-2] for frame in frames if frame.endswith(f"({AWS_FILE})")]
    if calls:
        return f"calls of {' '.join(calls[-1])}"
    return "the POST to UniTok" if PUBLISHING in frames else CLIENT


# ── The picture ─────────────────────────────────────────────────────────────────────────────────

WIDTH, ROW_HEIGHT, TOP = 1_200, 16, 44
CHARACTER_WIDTH = 6.2
LEAST_WIDTH, MOST_ROWS = 2, 28
"""What is narrower or deeper is left out: it could hardly be seen."""

PLUMBING = ("_api_call (botocore/client.py)", " (botocore/context.py)")
"""Frames, by their end, that every AWS call has and that say nothing."""


@dataclass
class Node:
    """A frame in one place of the tree."""

    frame: str
    samples: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)


def tree(stacks: Stacks) -> Node:
    """Merges stacks; frames that say nothing are left out, but for the last one."""
    root = Node("")
    for frames, count in stacks.items():
        root.samples += count
        node = root
        shown = [f for f in frames[:-1] if owner(f) and not f.endswith(PLUMBING)]
        for frame in (*shown, frames[-1]):
            node = node.children.setdefault(frame, Node(frame))
            node.samples += count
    return root


def svg(stacks: Stacks, title: str) -> str:
    """Draws the function's stacks, the handler on top; the wider, the longer."""
    root = tree(of_the_function(stacks))
    boxes = list(_boxes(root, 0.0, 0, WIDTH / max(1, root.samples)))
    height = TOP + ROW_HEIGHT * (1 + max((depth for _, _, depth, _ in boxes), default=0)) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="10">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="4" y="14" font-size="13">{escape(title)}</text>',
        *_legend(),
        *(_box(node, x, depth, width, root.samples) for node, x, depth, width in boxes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _boxes(
    node: Node, x: float, depth: int, scale: float
) -> Iterator[tuple[Node, float, int, float]]:
    """Yields each frame below a node, with its place and width."""
    for _, child in sorted(node.children.items()):
        width = child.samples * scale
        if width >= LEAST_WIDTH and depth < MOST_ROWS:
            yield child, x, depth, width
            yield from _boxes(child, x, depth + 1, scale)
        x += width


def _box(node: Node, x: float, depth: int, width: float, total: int) -> str:
    y = TOP + depth * ROW_HEIGHT
    name = escape(node.frame)
    room = int((width - 4) / CHARACTER_WIDTH)
    text = escape(node.frame.split(" (")[0].replace(".<locals>", "")[:room]) if room > 3 else ""
    label = f'<text x="{x + 2:.1f}" y="{y + 11}">{text}</text>' if text else ""
    return (
        f"<g><title>{name}, {node.samples / total:.1%}</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.5):.1f}" height="{ROW_HEIGHT - 1}" '
        f'fill="{_color(node)}"/>{label}</g>'
    )


def _color(node: Node) -> str:
    whose = WAITING if node.frame.endswith(SOCKET_READ) else owner(node.frame)
    return COLORS.get(whose, OTHER_COLOR)


def _legend() -> Iterator[str]:
    x = 4.0
    for name, color in COLORS.items():
        yield f'<rect x="{x:.0f}" y="22" width="12" height="12" fill="{color}"/>'
        yield f'<text x="{x + 16:.0f}" y="32">{escape(name)}</text>'
        x += 28 + len(name) * CHARACTER_WIDTH
