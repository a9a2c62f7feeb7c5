"""The agent function: handler, worker, pause, gate, results, publisher, messages."""

from mutants import LAYER, Mutant, of_file

AGENT: tuple[Mutant, ...] = (
    *of_file(
        "src/agent/agent_handler.py",
    ),
    *of_file(
        LAYER + "messages.py",
    ),
    *of_file(
        "src/agent/worker.py",
    ),
    *of_file(
        "src/agent/agent_run.py",
    ),
    *of_file(
        "src/agent/pausing.py",
    ),
    *of_file(
        "src/agent/gate.py",
    ),
    *of_file(
        "src/agent/tool_results.py",
    ),
    *of_file(
        "src/agent/publish_post.py",
    ),
    *of_file(
        "src/unitok/unitok_posts.py",
    ),
    *of_file(
        "src/unitok/unitok_handler.py",
    ),
)
