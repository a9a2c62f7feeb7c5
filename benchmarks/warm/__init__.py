"""What this project adds to a resume, its memory; and what a person waits for, all of it warm."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Chart, Effort, Section, Spread, Table

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = (10, 50, 200, 1_000)
AT_A_TIME = 5
"""Conversations in a run, each resumed twice; their median is the run's."""

TARGET_MESSAGES, TARGET_MS = 50, 5
PARTS = ("ours", "strands", "aws")

TEXT = """\
Processor milliseconds of the agent function for one resume: from the message that tells of the
decision, over the claim, the run, the post, the next question and the save, to the next pause. The
conversations are those of "Cost of a pause and resume", the emulator runs in a process of its own.

- **Ours** is all that neither Strands nor the AWS client does, encoding and decoding of the
  conversation included; Strands' own calls of our hooks and tools count as ours.
- **Strands** is making the `Agent` and running it; its model answers from a script at once.
- **AWS client** is botocore: building, signing and sending requests, reading answers; and the post.

A figure is the mean of two resumes in a row: of two, one writes the base of the conversation to S3
anew."""


@dataclass(frozen=True)
class Length:
    """What was measured with conversations of one length."""

    messages: int
    kilobytes: float
    parts: dict[str, Spread]
    """Milliseconds, by whose they are."""
    megabytes: float
    megabytes_before: float

    @property
    def ratio(self) -> Spread:
        """Ours as a part of Strands' own."""
        pairs = zip(self.parts["ours"].values, self.parts["strands"].values, strict=True)
        return Spread(tuple(ours / strands for ours, strands in pairs))


def run(effort: Effort) -> Section:
    """Measures every length in a process of its own."""
    from benchmarks.warm import pages  # Only here: it needs what runs a local stack.

    lengths = [_measure(messages, effort) for messages in MESSAGES]
    by_messages = {length.messages: length for length in lengths}
    at_target = by_messages[TARGET_MESSAGES].parts["ours"]
    verdict = "under" if at_target.median < TARGET_MS else "NOT under"
    slope = _slope(by_messages[TARGET_MESSAGES], lengths[-1])
    table = Table(
        "A resume, by length of the conversation",
        (
            *("Messages", "Ours ÷ Strands'", "Ours, ms", "Strands, ms", "AWS client, ms"),
            *("Ours, µs per message", "Conversation, KB", "Peak memory, MB", "of it for this, MB"),
        ),
        tuple(_row(length) for length in lengths),
        f"At {TARGET_MESSAGES} messages ours is {at_target} ms: {verdict} {TARGET_MS} ms. From "
        f"there to {lengths[-1].messages:,} messages each one adds {slope:.0f} µs.",
    )
    lines = {
        part: [(length.messages, length.parts[part].median) for length in lengths] for part in PARTS
    }
    chart = Chart(
        "warm",
        "A resume: whose processor time",
        "messages of the conversation",
        "milliseconds",
        {"this project": lines["ours"], "Strands": lines["strands"], "AWS client": lines["aws"]},
        is_logarithmic=True,
    )
    return Section("Warm overhead", TEXT, (table, chart, pages.measure(effort)))


def _measure(messages: int, effort: Effort) -> Length:
    """The first run does not count."""
    at_a_time = 1 if effort.is_smoke else AT_A_TIME
    print(f"  {messages} messages: {effort.runs} × {at_a_time} conversations", flush=True)
    runs = effort.runs + (not effort.is_smoke)
    command = [sys.executable, "-m", "benchmarks.warm.resumes"]
    done = subprocess.run(  # noqa: S603
        [*command, str(messages), str(runs), str(at_a_time)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout)
    counted = told["runs"][-effort.runs :]
    return Length(
        messages,
        told["bytes"] / 1000,
        {part: Spread(tuple(run[part] for run in counted)) for part in PARTS},
        told["megabytes"],
        told["megabytes_before"],
    )


def _row(length: Length) -> tuple[object, ...]:
    return (
        length.messages,
        length.ratio,
        *(length.parts[part] for part in PARTS),
        length.parts["ours"].median * 1000 / length.messages,
        length.kilobytes,
        length.megabytes,
        length.megabytes - length.megabytes_before,
    )


def _slope(short: Length, long: Length) -> float:
    """Microseconds that a message adds."""
    milliseconds = long.parts["ours"].median - short.parts["ours"].median
    return milliseconds * 1000 / (long.messages - short.messages)
