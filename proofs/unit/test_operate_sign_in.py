"""`make inbox`: asks for the link as who signs, and shows it, or has it opened."""

from typing import Any

import pytest
from operate import sign_in
from operate.clicks import NoAnswerError
from operate.errors import OperateError
from operate.operator_api import OperatorApi, RefusedError

URL = "https://approvals.example.com/inbox/sign-in/token"


class Api:
    """Stands in for the operators' API."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def post(self, action: str) -> dict[str, Any]:
        assert action == "inbox-link"
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"url": self.answer}


def run(monkeypatch: pytest.MonkeyPatch, answer: Any, **env: str) -> int:
    stack: Any = None
    monkeypatch.setattr(OperatorApi, "of", lambda _: Api(answer))
    monkeypatch.delenv("OPEN", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return sign_in.main(stack)


def test_the_link_alone_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, URL) == sign_in.DONE
    assert capsys.readouterr().out == f"{URL}\n"


def test_with_open_it_is_opened_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert run(monkeypatch, URL, OPEN="1") == sign_in.DONE
    assert (opened, capsys.readouterr().out) == ([URL], "")
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    with pytest.raises(OperateError, match="no browser"):
        run(monkeypatch, URL, OPEN="1")


def test_who_is_nobody_in_the_file_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, RefusedError("iam: nobody")) == sign_in.REFUSED
    assert "iam: nobody\nSet iam of that person" in capsys.readouterr().err


def test_an_api_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OperateError, match="does not answer"):
        run(monkeypatch, NoAnswerError("approvals.example.com does not answer"))
