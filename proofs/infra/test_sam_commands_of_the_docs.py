"""Every `sam` of the documents, against the SAM CLI itself: its commands, options, parameters."""

import json
import re
import subprocess
from functools import cache

import pytest

import aws_template
import doc_commands
from doc_commands import Call
from sam_clone import ROOT

CALLS = [call for call in doc_commands.calls() if call.program == "sam"]
GROUPS = {"local", "remote"}
"""Commands that have commands."""

DESCRIBE = """
import json, sys
from samcli.cli.main import cli
import click
found = {}
for words in json.load(sys.stdin):
    context, command = click.Context(cli, obj=words), cli  # SAM loads commands only with one
    for word in words:
        command = command.get_command(context, word)
        assert command, "sam has no " + " ".join(words)
    options = [name for p in command.params for name in [*p.opts, *p.secondary_opts]]
    found[" ".join(words)] = options
json.dump(found, sys.stdout)
"""


def name_of(call: Call) -> tuple[str, ...]:
    """The words that name the command, such as `remote invoke`."""
    length = 3 if call.argv[1] in GROUPS else 2
    return call.argv[1:length]


@cache
def options() -> dict[str, list[str]]:
    """The options of each command that the documents name, as the SAM CLI declares them."""
    names = sorted({name_of(call) for call in CALLS})
    done = subprocess.run(
        [str(ROOT / ".venv/sam/bin/python"), "-c", DESCRIBE],
        input=json.dumps(names),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_command_of_sam_has_the_options_that_a_document_gives_it(call: Call) -> None:
    used = {word.partition("=")[0] for word in call.argv if re.match(r"-", word)}
    assert used <= {*options()[" ".join(name_of(call))]}


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_parameter_that_a_document_sets_is_one_of_the_template(call: Call) -> None:
    _, _, after = " ".join(call.argv).partition("--parameter-overrides ")
    named = set(re.findall(r"(\w+)=", after.partition(" --")[0]))
    assert named <= {*aws_template.load()["Parameters"]}
    assert bool(named) == bool(after)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_resource_that_a_document_invokes_is_one_of_the_template(call: Call) -> None:
    words = call.argv[3:]
    if call.argv[1] in GROUPS and words and not words[0].startswith("-"):
        assert words[0] in aws_template.load()["Resources"]
