"""One stack for all tests here; it never touches the developer's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from operate import stacks
from operate.stacks import Stack

from local_stack import AGENT_TIMEOUT_SECONDS, PYTHON, LocalStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack, shared by the tests: each uses a task text of its own."""
    if not PYTHON.exists():
        pytest.fail("The environment of `make run` is missing: run `make test`, which makes it.")
    with running_stack(tmp_path_factory.mktemp("local")) as stack:
        stack.limit_agent_to(AGENT_TIMEOUT_SECONDS)
        yield stack


@pytest.fixture(scope="session")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack for the proofs that fill it, or kill its workers."""
    with running_stack(tmp_path_factory.mktemp("own")) as stack:
        stack.limit_agent_to(AGENT_TIMEOUT_SECONDS)
        yield stack


@pytest.fixture(scope="session")
def found(stack: LocalStack) -> Iterator[Stack]:
    """The stack, as an operator's commands find it."""
    with _found(stack) as found:
        yield found


@pytest.fixture(scope="session")
def found_own(own_stack: LocalStack) -> Iterator[Stack]:
    """The proofs' own stack, as an operator's commands find it."""
    with _found(own_stack) as found:
        yield found


@contextmanager
def _found(stack: LocalStack) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "_keep_to_this_machine", lambda: None)
        found = stacks.find("", stack.state_dir)
    yield found
    for client in (found.dynamodb, found.sqs, found.s3):
        client.close()


@pytest.fixture
def task(request: pytest.FixtureRequest) -> str:
    """A task text that no other test uses."""
    return f"Tell them about {request.node.name.replace('_', ' ')}"
