"""The local stack's server: what it answers when its own code fails."""

import socket
import urllib.error
import urllib.request

import pytest
from local.server import Answer, LoopbackServer, Request


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_page_that_cannot_be_made_says_so_and_the_terminal_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(_: Request) -> Answer:
        raise KeyError("tool_name")

    server = LoopbackServer(port := free_port())
    try:
        server.open(fails)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
        assert refused.value.code == 500
        assert b"could not be made: KeyError" in refused.value.read()
        refused.value.close()
    finally:
        server.close()
    assert "KeyError: 'tool_name'" in capsys.readouterr().err
