"""Every command line of the documents is known, and names what exists.

What a local stack can run is run by proofs/integration/test_commands_of_the_docs.py, the options of
`sam` are held by proofs/infra/test_sam_commands_of_the_docs.py. What is left is read here.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name

import aws_template
import doc_commands
from doc_commands import RUN_ON_A_STACK, Call

ROOT = aws_template.ROOT
CALLS = doc_commands.calls()

NOT_RUN = {
    "help": "proofs/infra/test_make.py runs it",
    "run": "every stack of proofs/integration is one",
    "demo": "proofs/integration/test_lifecycle.py runs each story",
    "test": "tests/ is what CI runs first",
    "proofs": "it runs this test",
    "unit": "it runs this test",
    "lint": "a part of make test",
    "prove": "takes hours; make proofs has its short form",
    "bench": "takes twenty minutes; make proofs has its short form",
    "strands": "CI runs it: it makes an environment of its own",
    "build": "tests/infra/test_build.py runs it",
    "deploy": "needs an AWS account",
    "test-sam-local": "needs an image of Lambda's; CI runs it",
    "requirements": "asks a package index; proofs/infra/test_requirements.py has its arguments",
    "clean": "would remove the environment that runs this",
    "lab": "the lab has a test of its own, which runs all of it",
    "starter": "the starter has a test of its own, which runs all of it",
    "upgrade": "a command of a starter; its test runs it",
}
"""Targets of make that no stack is needed for, or that cannot run here, and why."""

NOT_OF_AN_API = {
    ("configure", "get"): "reads a file of the reader's",
    ("configure", "export-credentials"): "reads a file of the reader's",
    ("configure", "list-profiles"): "reads a file of the reader's",
    ("sso", "login"): "opens a browser",
    ("s3", "rb"): "the AWS CLI's own word for DeleteBucket",
}
"""Commands of the AWS CLI that no model of an API has."""

OF_EVERY_COMMAND = {"output", "query", "region", "profile", "max-items", "no-paginate"}
"""Options of the AWS CLI itself."""

RENAMED = {("sns", "subscribe"): {"notification-endpoint": "endpoint"}}
"""Options that the AWS CLI calls otherwise than the API's model."""

OF_THE_READER = {"tests/mine"}
"""Files that a document tells the reader to make."""


def of(program: str) -> list[Call]:
    return [call for call in CALLS if call.program == program]


def each(program: str) -> Any:
    return pytest.mark.parametrize("call", of(program), ids=str)


def test_the_documents_have_commands_of_every_kind() -> None:
    """Lest a change of the documents leave nothing to check."""
    assert {call.program for call in CALLS} <= {*doc_commands.NOTED}
    for program in ("aws", "sam", "make", "curl"):
        assert len(of(program)) > 4, program


# --- make ----------------------------------------------------------------------------------------


@each("make")
def test_a_target_of_make_exists_and_is_run_or_says_why_not(call: Call) -> None:
    assert re.search(rf"^{call.target}:", makefile(), re.M), f"{call}: there is no such target"
    where = [call.target in RUN_ON_A_STACK, call.target in NOT_RUN]
    assert where.count(True) == 1, f"{call}: put its target into one of the two lists of this file"


@each("make")
def test_a_variable_of_make_is_read_by_something(call: Call) -> None:
    assert {*call.variables} <= variables(), call


def test_the_two_lists_are_of_targets_that_there_are() -> None:
    assert {*RUN_ON_A_STACK, *NOT_RUN} <= {*re.findall(r"^([a-z-]+):", makefile(), re.M)}
    assert not {*RUN_ON_A_STACK} & {*NOT_RUN}


@cache
def makefile() -> str:
    """Returns the Makefile, and the rules that a starter has instead."""
    return "".join((ROOT / name).read_text() for name in ("Makefile", "starter/files/rules.mk"))


@cache
def variables() -> set[str]:
    """The variables that the Makefile or one of the commands reads."""
    read = set(re.findall(r"\$\(?(?:or |if )?\$?\(?([A-Z_]+)\)?", makefile()))
    for folder in ("local", "operate", "benchmarks", "starter", "targets"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'(?:get|environ|setdefault)\W+"([A-Z_]+)"', path.read_text()))
    return read


# --- aws -----------------------------------------------------------------------------------------


@each("aws")
def test_a_command_of_aws_is_one_of_an_api_with_its_options(call: Call) -> None:
    service, operation, *words = call.argv[1:]
    if (service, operation) in NOT_OF_AN_API:
        return
    options = options_of(words)
    if new := RENAMED.get((service, operation)):
        options = {new.get(name, name): value for name, value in options.items()}
    shape = input_of(service.replace("s3api", "s3"), operation)
    known = {xform_name(name, "-"): member for name, member in shape.members.items()}
    known |= {f"no-{name}": m for name, m in list(known.items()) if m.type_name == "boolean"}
    assert {*options} - OF_EVERY_COMMAND <= {*known}, call
    needed = {name for name in shape.required_members if xform_name(name, "-") not in options}
    assert not needed or "…" in call.argv, f"{call}: needs {needed}"
    jmespath.compile(options.get("query") or "@")
    for name, value in options.items():
        if value.startswith(("{", "[")) and name != "query":
            json.loads(value)


def options_of(words: list[str]) -> dict[str, str]:
    """The options of a command line, each with the words after it."""
    found: dict[str, str] = {}
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value
        else:
            assert found, f"{word} belongs to no option"
            found[name] = f"{found[name]} {word}".strip()
    return found


@cache
def model_of(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@cache
def input_of(service: str, operation: str) -> Any:
    model = model_of(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"{service} has no {operation}"
    return model.operation_model(names[operation]).input_shape or NoInput()


@dataclass(frozen=True)
class NoInput:
    """The shape of an operation that takes nothing."""

    members: dict[str, Any] = field(default_factory=dict)
    required_members: tuple[str, ...] = ()


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_file_of_the_repository_exists(call: Call) -> None:
    named = {word for word in call.argv[1:] if re.fullmatch(r"[\w./-]+/[\w./-]+", word)}
    folders = {path.name for path in ROOT.iterdir()}
    files = {word for word in named if word.partition("/")[0] in folders} - OF_THE_READER
    assert [file for file in files if not (ROOT / file).exists()] == []


# --- the reader of the documents itself ----------------------------------------------------------


def test_a_shell_finds_what_a_block_calls(tmp_path: Any) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```sh\nS=a  # a comment\nrun() { aws x "$S" "$@"; }\nfor n in 1 2; do\n    run $n \\\n'
        '        \'{"a": "b c"}\'\ndone\nmake x TASK="a b" && sam y\n```\n'
    )
    noted, complaints = doc_commands._run(doc_commands.blocks(page)[0], tmp_path)
    assert complaints == ""
    assert noted == [
        ("aws", "x", "a", "1", '{"a": "b c"}'),
        ("aws", "x", "a", "2", '{"a": "b c"}'),
        ("make", "x", "TASK=a b"),
        ("sam", "y"),
    ]


@pytest.mark.parametrize("line", ["unheard-of --option", 'aws sts "$UNHEARD_OF"', "(("])
def test_a_program_or_a_variable_that_nobody_named_is_told(tmp_path: Any, line: str) -> None:
    _, complaints = doc_commands._run(line, tmp_path)
    assert complaints
