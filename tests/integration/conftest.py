"""One stack for all tests here; it never touches the developer's own."""

from collections.abc import Iterator

import pytest

from local_stack import AGENT_TIMEOUT_SECONDS, PYTHON, LocalStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack, shared by the tests: each uses a task text of its own."""
    if not PYTHON.exists():
        pytest.fail("The environment of `make run` is missing: run `make test`, which makes it.")
    with running_stack(tmp_path_factory.mktemp("local")) as stack:
        stack.limit_agent_to(AGENT_TIMEOUT_SECONDS)
        yield stack


@pytest.fixture
def task(request: pytest.FixtureRequest) -> str:
    """A task text that no other test uses."""
    return f"Tell them about {request.node.name.replace('_', ' ')}"
