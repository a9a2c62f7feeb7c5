"""The Makefile: what it lists, hands on and says when something is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aws_template
from sam_clone import ROOT

SHOW = """
include {makefile}
show:
	@"{python}" -c 'import os; print(ascii((os.environ["PORT"], os.environ["TASK"])))'
show-all:
	@"{python}" -c 'import os; print(ascii([os.environ[n] for n in ("ID", "COMMENT", "ANSWER")]))'
"""


MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("make") or "make", "--no-print-directory", *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def test_bare_make_lists_every_command() -> None:
    listed = re.findall(r"^make (\S+) +\S", make().stdout, re.MULTILINE)
    commands = (
        "run demo task approvals approvers inbox ledger redrive smoke test proofs unit prove bench"
    )
    commands += " strands lab lint build deploy test-sam-local starter clean requirements"
    assert listed == ["help", *commands.split()]


@pytest.mark.parametrize(
    "task", ["for $5 and $(HOME)", 'it\'s "quoted" # or not', "two\nlines", "üñí"]
)
def test_a_task_arrives_as_it_was_typed(tmp_path: Path, task: str) -> None:
    file = tmp_path / "show.mk"
    file.write_text(SHOW.format(makefile=ROOT / "Makefile", python=sys.executable))
    told = ascii(("3000", task))
    assert make("-f", str(file), "show", f"TASK={task}").stdout.strip() == told
    assert make("-f", str(file), "show", TASK=task).stdout.strip() == told


@pytest.mark.parametrize("text", ["$5, 100%", '{"a": "it\'s $(HOME)"}', "two\nlines #", "`id` üñí"])
def test_what_is_said_to_an_approval_arrives_as_it_was_typed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "show.mk"
    file.write_text(SHOW.format(makefile=ROOT / "Makefile", python=sys.executable))
    given = {name: f"{name} {text}" for name in ("ID", "COMMENT", "ANSWER")}
    told = ascii([*given.values()])
    typed = [f"{name}={value}" for name, value in given.items()]
    assert make("-f", str(file), "show-all", *typed).stdout.strip() == told
    assert make("-f", str(file), "show-all", **given).stdout.strip() == told


@pytest.mark.parametrize(
    "target, folders", [("test", ["tests", "testkit"]), ("proofs", ["proofs"])]
)
def test_every_environment_that_a_test_names_is_set_up_by_its_command(
    target: str, folders: list[str]
) -> None:
    """A fresh machine has none of them; here they are left from other commands."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    text = "".join(file.read_text() for file in files if "sam_local" not in file.parts)
    named = {*re.findall(r"ROOT / f?\"\.venv/(\w+)/bin/", text), "test"} - {"uv"}
    rule = re.search(rf"^{target}:.*\n\t@\$\(call set_up,([\w ]+)\)", MAKEFILE, re.M)
    assert rule
    assert len(named) > 1
    assert named <= set(rule[1].split())


def test_the_port_is_a_make_variable_and_an_environment_variable(tmp_path: Path) -> None:
    file = tmp_path / "show.mk"
    file.write_text(SHOW.format(makefile=ROOT / "Makefile", python=sys.executable))
    assert make("-f", str(file), "show", "PORT=3001").stdout.startswith("('3001'")
    assert make("-f", str(file), "show", PORT="3002").stdout.startswith("('3002'")


@pytest.mark.parametrize("name", ["BEDROCK_PROFILE", "PASS", "MODEL_ID"])
def test_a_model_is_chosen_by_a_make_variable_or_an_environment_variable(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "show.mk"
    show = f'include {ROOT / "Makefile"}\nshow:\n\t@"{sys.executable}" -c '
    file.write_text(show + f"'import os; print(os.environ[\"{name}\"])'\n")
    assert make("-f", str(file), "show", f"{name}=a b").stdout.strip() == "a b"
    assert make("-f", str(file), "show", **{name: "a b"}).stdout.strip() == "a b"


def test_a_stack_name_that_sqs_cannot_take_is_a_clear_error(tmp_path: Path) -> None:
    """No rule of a template can look at the length of its stack's name."""
    ending = aws_template.properties("DeadLetterQueue")["QueueName"].partition("}")[2]
    longest = 80 - len(ending)  # Source: SQS, "Quotas": the name of a queue.
    recipe = (ROOT / "Makefile").read_text().partition("\ndeploy: ")[2].partition("\n\n")[0]
    (check,) = re.findall(r"^\t@(awk (?:.*\\\n)*.*)$", recipe, re.MULTILINE)
    file = tmp_path / "check.mk"
    file.write_text(f"check:\n\t@{check}\n")
    for length, status in ((longest, 0), (longest + 1, 2)):
        (tmp_path / "samconfig.toml").write_text(f'stack_name = "{"x" * length}"\n')
        done = make("-f", str(file), "check", cwd=tmp_path)
        assert done.returncode == status
        assert ("47 are the most" in done.stdout) == bool(status)
    named = f"a name of at most {longest} characters"
    assert named in (ROOT / "README.md").read_text()
    others = [p["Name"] for n in ("ApprovalApi", "UniTokApi") if (p := aws_template.properties(n))]
    assert all(len(other.partition("}")[2]) <= 128 - longest for other in others)


def test_an_old_python_is_a_clear_error(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "sh", "grep"):
        (tools / name).symlink_to(shutil.which(name) or name)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    done = make("build", cwd=tmp_path, PATH=str(tools))
    assert done.returncode != 0
    assert "No Python 3.11 or newer was found" in done.stderr
