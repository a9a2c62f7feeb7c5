"""A real model under `make run`: what is asked of it, and what is said when it does not answer."""

import json
import os
import re
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoRegionError,
    ProfileNotFound,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)
from local import session_page, shell
from local.bedrock import NOWHERE, VARIABLE, Bedrock
from local.bedrock_process import Handler
from local.bedrock_profile import NOT_ACCEPTED, explain, hint
from local.console import Console, LocalError
from local.problems import Problem, Problems, problem_in
from local.run import _model
from local.settings import Settings, make_settings
from local.stack import Stack, give
from local.traces import parse_datagram

SECRET = "sk-0123456789-very-secret"
NOVA = "us.amazon.nova-lite-v1:0"


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return make_settings(3000)


# --- what is given --------------------------------------------------------------------------------


def test_a_profile_without_a_model_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError, match="make run BEDROCK_PROFILE=team MODEL_ID=us"):
        settings(monkeypatch, BEDROCK_PROFILE="team")


def test_a_profile_and_a_model_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, BEDROCK_PROFILE=" team ", MODEL_ID=NOVA)
    assert (found.bedrock_profile, found.model_id) == ("team", NOVA)


@pytest.mark.parametrize("names", ["ONE_KEY TWO_URL", "ONE_KEY,TWO_URL", " ONE_KEY , TWO_URL "])
def test_what_pass_names_is_taken_from_the_shell_and_never_shown(
    names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(monkeypatch, PASS=names, ONE_KEY=SECRET, TWO_URL="http://localhost:1")
    assert found.passed == {"ONE_KEY": SECRET, "TWO_URL": "http://localhost:1"}
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("NO_SUCH_KEY", "First: export NO_SUCH_KEY="),
        ("EMPTY_KEY", "First: export EMPTY_KEY="),
        ("AWS_PROFILE", "make run BEDROCK_PROFILE=name"),
        (f"A_KEY={SECRET}", "names of variables, not their values"),
        (SECRET, "names of variables, not their values"),
    ],
)
def test_what_pass_cannot_take_is_said_without_a_value(
    names: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LocalError) as caught:
        settings(monkeypatch, PASS=names, EMPTY_KEY="")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_shells_aws_settings_leave_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "AWS", {})
    monkeypatch.setenv("AWS_CONFIG_FILE", "/somewhere")
    shell.take_aws()
    assert shell.AWS["AWS_CONFIG_FILE"] == "/somewhere"
    assert not [name for name in os.environ if name.startswith("AWS_")]
    os.environ.update(shell.AWS)  # What the other tests rely on.


class Functions:
    """The emulator's Lambda, with one function."""

    def __init__(self, **variables: str) -> None:
        self.variables = variables

    def client(self, service: str) -> "Functions":
        assert service == "lambda"
        return self

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        return {"Environment": {"Variables": self.variables}}

    def update_function_configuration(self, FunctionName: str, Environment: dict[str, Any]) -> None:
        assert FunctionName == "local-agent"
        self.variables = Environment["Variables"]


STACK = Stack({"AgentFunction": "local-agent"}, (), {})


def test_the_function_gets_variables_beside_those_that_it_has() -> None:
    functions = Functions(TABLE="t")
    give(functions, STACK, "AgentFunction", {"A_KEY": SECRET})  # type: ignore[arg-type]
    assert functions.variables == {"TABLE": "t", "A_KEY": SECRET}


def test_a_variable_of_the_template_is_not_replaced() -> None:
    functions = Functions(TABLE="t")
    with pytest.raises(LocalError, match="PASS=TABLE: the template gives AgentFunction that"):
        give(functions, STACK, "AgentFunction", {"TABLE": "other"})  # type: ignore[arg-type]
    assert functions.variables == {"TABLE": "t"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"MODEL_ID": NOVA}, {VARIABLE: NOWHERE}),
        ({"MODEL_ID": "openai.gpt-5.2"}, {VARIABLE: NOWHERE}),
    ],
)
def test_without_a_profile_no_call_of_bedrock_is_answered_with_phrases_of_the_emulator(
    given: dict[str, str], found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bedrock = Bedrock(settings(monkeypatch, **given))
    bedrock.start()  # Nothing, without a profile.
    assert bedrock.function_environment == found
    bedrock.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a script, no AI"),
        ({"MODEL_ID": NOVA, "BEDROCK_PROFILE": "team"}, f"{NOVA}, on Bedrock, paid by .* team"),
        ({"MODEL_ID": NOVA}, "would need BEDROCK_PROFILE=name"),
    ],
)
def test_the_terminal_says_which_model_there_is(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(said, _model(settings(monkeypatch, **given)))


# --- a profile that is no use ---------------------------------------------------------------------

NO_TOKEN = SSOTokenLoadError(error_msg="Token for team does not exist")
REFUSED_ROLE = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}},
    "AssumeRole",
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "aws configure --profile team"),
        (ProfileNotFound(profile="team"), "aws configure list-profiles"),
        (NoRegionError(), "aws configure set region us-east-1 --profile team"),
        (NO_TOKEN, "aws sso login --profile team"),
        (UnauthorizedSSOTokenError(), "aws sso login --profile team"),
        (CredentialRetrievalError(provider="p", error_msg="no vault"), "no vault"),
        (REFUSED_ROLE, "not authorized to perform: sts:AssumeRole"),
    ],
)
def test_a_profile_that_is_no_use_is_said_with_what_to_do(error: Any, said: str) -> None:
    text = str(explain(error, "team"))
    assert text.startswith("BEDROCK_PROFILE=team: ")
    assert said in text


def refusal(path: str) -> str:
    handler = Handler.__new__(Handler)
    handler._given = {"secret": "s3cret", "model_id": NOVA}
    handler.path = path
    return handler._refusal()


def test_only_the_agent_and_only_its_model_get_through() -> None:
    encoded = NOVA.replace(":", "%3A")
    assert not refusal(f"/s3cret/model/{encoded}/converse-stream")
    assert not refusal(f"/s3cret/model/{NOVA}/converse")
    for path in (f"/model/{encoded}/converse", f"/other/model/{encoded}/converse", "/"):
        assert refusal(path) == "Only the agent of this run may call Bedrock here."
    for path in (
        "/s3cret/model/anthropic.dear/converse",
        f"/s3cret/model/{encoded}/converse?x=1",
        f"/s3cret/model/{encoded}/count-tokens/../converse",
        "/s3cret/guardrail/g/version/1/apply",
        "/s3cret/model",
    ):
        assert refusal(path).startswith(f"Only {NOVA} may be called")


# --- a model that does not answer -----------------------------------------------------------------


@pytest.mark.parametrize("code", [*NOT_ACCEPTED, "AccessDeniedException", "ValidationException"])
def test_the_codes_of_bedrock_have_a_hint(code: str) -> None:
    assert "{" not in hint(code, "team", "eu-west-1")
    assert len(hint(code, "team", "eu-west-1")) > 20
    assert hint("Other", "team", "eu-west-1") == ""


def fault(error: str, cause: str) -> str:
    return json.dumps({
        "level": "ERROR", "message": "failed, will be delivered again", "error": error,
        "cause": cause, "code": None,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("KeyError: 'OPENAI_API_KEY'\n", "make run PASS=OPENAI_API_KEY"),
        (fault("AuthenticationError", "HTTPStatusError"), "does not take the key"),
        (fault("EventLoopException", "APIConnectionError"), "nothing answers"),
        (fault("APIConnectionError", "ConnectError"), "nothing answers"),
        (fault("ConnectionError", "ConnectionError"), "nothing answers"),
        (fault("ResponseError", "ResponseError"), "MODEL_ID"),
        (fault("EndpointConnectionError", "EndpointConnectionError"), "BEDROCK_PROFILE=name"),
    ],
)
def test_a_fault_of_a_model_is_said_with_what_to_do(line: str, said: str) -> None:
    assert said in problem_in(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "KeyError: 17",
        "null",
        "[1]",
        '{"message": "paused"}',
        fault("ProvisionedThroughputExceededException", "ClientError"),
    ],
)
def test_any_other_line_is_no_problem_of_a_model(line: str) -> None:
    assert problem_in(line) == ""


def test_a_problem_is_on_the_screen_and_kept_for_the_pages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problems = Problems(Console())
    problems.read('{"message": "paused"}')
    assert problems.last is None
    problems.read(fault("ResponseError", "ResponseError"))
    assert problems.last is not None
    assert "no such model" in problems.last.text
    assert "no such model" in capsys.readouterr().err


def test_the_page_of_a_session_that_never_was_saved_says_what_failed() -> None:
    problem = Problem(0, "Bedrock, AccessDeniedException: <no> & never")
    page = session_page.unknown(0, problem).decode()
    assert "failed at" in page
    assert "AccessDeniedException: &lt;no&gt; &amp; never" in page
    assert "failed at" not in session_page.unknown(0).decode()


def test_a_span_tells_whether_it_failed() -> None:
    base = {"name": "run", "id": "1", "start_time": 1, "end_time": 2}
    for document, failed in ((base, False), (base | {"fault": True}, True)):
        (span,) = parse_datagram(b"{}\n" + json.dumps(document).encode())
        assert span.is_fault is failed


def test_a_line_of_the_process_becomes_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bedrock = Bedrock(settings(monkeypatch, BEDROCK_PROFILE="team", MODEL_ID=NOVA))
    said: list[str] = []
    lines = [json.dumps({"code": "ExpiredTokenException", "message": "The  token\nhas expired"})]
    bedrock._process = SimpleNamespace(stdout=lines)  # type: ignore[assignment]
    bedrock._follow(said.append)
    assert said[0].startswith("Bedrock, ExpiredTokenException: The token has expired")
    assert "aws sso login --profile team" in said[0]
    assert "has ended: start again" in said[1]
