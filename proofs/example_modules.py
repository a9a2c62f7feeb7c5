"""The modules of the example, which you replace; no test of the library uses them."""

from pathlib import Path

SRC = Path(__file__).parents[1] / "src"

AGENT = (
    "agent_definition",
    "ask_agent",
    "evaluator",
    "publish_post",
    "run_job",
    "scripted_evaluator",
    "scripted_writer",
    "wait_until",
)
"""In `src/agent`: the agents and their tools."""

UNITOK = ("unitok_feed", "unitok_handler", "unitok_posts", "unitok_requests")
"""In `src/unitok`: the receiver."""

MODULES = frozenset((*AGENT, *UNITOK))

FILES = frozenset(
    [SRC / "agent" / f"{name}.py" for name in AGENT]
    + [SRC / "unitok" / f"{name}.py" for name in UNITOK]
)

IS_HERE = Path(__file__).with_name("example").is_dir()
"""Whether the example is still there: its tests go with it."""
