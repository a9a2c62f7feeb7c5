"""The picture of the ten steps in README.md, drawn from what `make demo STORY=approval` prints."""

import re
from html import escape

WIDTH, ROW, MARGIN = 480, 27, 12

STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.name { font-weight: 600; } .note { font-size: 13px; } .soft { fill: #59636e; }
.page { fill: #fff; } .card { fill: #f6f8fa; stroke: #d1d9e0; }
.wait { fill: none; stroke: #59636e; stroke-dasharray: 5 4; }
.line { fill: none; stroke: #59636e; } .tip { fill: #59636e; }
.dot { fill: #1f6feb; } text.number { fill: #fff; font-size: 12px; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .soft, .tip { fill: #9198a1; } .wait, .line { stroke: #9198a1; }
  .page { fill: #0d1117; } .card { fill: #151b23; stroke: #3d444d; }
}
"""

PARTS = (
    ("A message in the SQS queue starts AgentFunction", 7),
    ("The approver opens a link of the e-mail: ApprovalFunction", 1),
    ("A message in the same queue starts AgentFunction again", 2),
)
"""What runs, and how many of the steps in it."""

NOTES = {
    "arrive": "the task is in the queue",
    "validate": "any other message becomes a dead letter",
    "load": "the session from DynamoDB, if there is one",
    "run": "the agent, until it asks",
    "pause": "the agent stops; nothing stays in memory",
    "save": "DynamoDB: the conversation, then the question",
    "notify": "SNS: an e-mail with two links",
    "decide": "the page shows the exact text; a button decides",
    "resume": "the agent goes on where it stopped",
    "publish": "what was approved, exactly, once",
}


def steps_of(demo: str) -> list[str]:
    """Returns the names of the steps that the demo printed."""
    return re.findall(r"^ +(\w+) +\d+\.\d\d s  ", demo, re.M)


def draw(steps: list[str]) -> str:
    """Returns the picture as SVG."""
    rows, drawn, y, number = iter(steps), [], MARGIN, 0
    for title, count in PARTS:
        if number:
            drawn.append(_wait(y) if number == 7 else _arrow(y, 22))
            y += 66 if number == 7 else 26
        height = 34 + count * ROW
        drawn.append(
            f'<rect class="card" x="1" y="{y}" width="{WIDTH - 2}" height="{height}" rx="8"/>'
        )
        drawn.append(f'<text class="soft" x="16" y="{y + 22}">{title}</text>')
        for line in range(count):
            number += 1
            drawn.append(_row(number, next(rows), y + 32 + line * ROW))
        y += height
    return _document(y + MARGIN, "\n".join(drawn))


def _row(number: int, name: str, y: int) -> str:
    return (
        f'<circle class="dot" cx="28" cy="{y + 12}" r="10"/>'
        f'<text class="number" x="28" y="{y + 16}" text-anchor="middle">{number}</text>'
        f'<text class="name" x="48" y="{y + 17}">{name}</text>'
        f'<text class="note" x="126" y="{y + 17}">{escape(NOTES[name])}</text>'
    )


def _wait(y: int) -> str:
    return (
        f'{_arrow(y, 14)}<rect class="wait" x="100" y="{y + 16}" width="{WIDTH - 200}" height="30"'
        f' rx="8"/><text x="{WIDTH // 2}" y="{y + 36}" text-anchor="middle">'
        f"nothing runs: minutes, hours, days</text>{_arrow(y + 46, 16)}"
    )


def _arrow(y: int, length: int) -> str:
    x, end = WIDTH // 2, y + length
    return (
        f'<path class="line" d="M{x} {y + 2}V{end - 4}"/>'
        f'<path class="tip" d="M{x - 4} {end - 6}h8l-4 6z"/>'
    )


def _document(height: int, drawn: str) -> str:
    size = f'width="{WIDTH}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size}'
        f' role="img">\n<title>The ten steps of a task</title>\n<style>{STYLE}</style>\n'
        f'<rect class="page" {size}/>\n{drawn}\n</svg>\n'
    )
