"""What goes into a starter."""

from fnmatch import fnmatch

FOLDERS = (
    *("src/agent", "src/approval_api", "src/operator_api", "src/sweeper", "src/unitok"),
    *("src/picture", "monitoring", "targets"),
)
"""Copied whole: the functions, and how they are packaged and watched."""

FILES = (
    *("template.yaml", "samconfig.toml", ".gitignore", "LICENSE"),
    *("src/layer/requirements.in", "src/layer/requirements.txt"),
    *("requirements/uv.in", "requirements/uv.txt", "requirements/sam.in", "requirements/sam.txt"),
    *("requirements/local.in", "requirements/local.txt", "docs/openapi.json"),
    "events/sqs/new_task.json",
)
"""Copied as they are, but for the wheels that are named in requirements."""

DOCS = ("adapt", "architecture", "deploy", "operate", "people", "security", "starter", "testing")
"""Of `docs/`, without the links to what a starter has not."""

RENAMED = {
    "requirements/starter.in": "requirements/test.in",
    "requirements/starter.txt": "requirements/test.txt",
    "starter/files/README.md": "README.md",
    "starter/files/pyproject": "pyproject.toml",
    "starter/files/tests/conftest.py": "tests/conftest.py",
    "starter/files/tests/mine/conftest.py": "tests/mine/conftest.py",
    "starter/files/tests/mine/test_my_agent.py": "tests/mine/test_my_agent.py",
}
"""By its name here: the name in the starter."""

LIBRARY_FOLDER = "src/layer/requirements.d"
"""Where `sam build` finds the wheel of the library: it copies src/layer, and looks nowhere else. A
name that begins with `requirements.` is not packaged itself."""
TOOLS_FOLDER = "vendor"

YOURS = ("README.md", "samconfig.toml", "tests/*", "src/agent/*.py", "src/layer/python/*")
"""What an upgrade never touches, by patterns."""
NOT_YOURS = ("src/agent/agent_handler.py",)
"""It hands the library what it needs, and so follows it."""


def is_yours(name: str) -> bool:
    """Tells whether a file of a starter belongs to the adopter alone."""
    return name not in NOT_YOURS and any(fnmatch(name, pattern) for pattern in YOURS)
