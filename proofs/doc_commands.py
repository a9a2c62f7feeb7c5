"""The commands of the documents, as a shell hands them over.

Bash runs every `sh` block of a document in order, in an empty folder. The programs are stand-ins:
they note how they are called and answer what the next lines need. Loops, functions, pipes and
variables are the shell's own. A program or a variable that is not known here is an error.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aws_template import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DOCUMENTS.remove(ROOT / "CHANGELOG.md")  # What it names was true of its version.

NOTED = ("aws", "sam", "make", "curl", "git", "date", "sleep", ".venv/test/bin/python")
"""Programs that a stand-in takes the place of."""
REAL = {name: shutil.which(name) or name for name in ("cat", "grep")}
REAL["python3"] = sys.executable
"""Programs that only read or compute: the shell runs them."""

RUN_ON_A_STACK = "task approvals approvers inbox ledger redrive smoke".split()
"""Targets of make that proofs/integration/test_commands_of_the_docs.py runs."""

FOR_THE_READER = (
    "API_ID BACKUP_ARN DEAD_LETTERS ID LINK SESSION_ID SUBSCRIPTION TOKEN TOOL_USE_ID"
).split()
"""Variables that a reader fills in, as the text around a block says. Here `ID` is `<ID>`."""

STAND_IN = r"""#!/bin/sh
printf '%s\0' "$#" "$NAME" "$@" >> "$CALLS"
case "$NAME $*" in
    "aws configure get region") echo '<AWS_REGION>' ;;
    "aws configure export-credentials"*)
        echo "AWS_ACCESS_KEY_ID='<KEY>' AWS_SECRET_ACCESS_KEY='<SECRET>' AWS_SESSION_TOKEN=" ;;
    *OperatorUrl*) echo '<URL>' ;;
    "aws sts assume-role"*) echo 'key secret token' ;;
    "aws s3api list-object-versions"*) [ -e emptied ] || echo VersionId; : > emptied ;;
    "aws cloudtrail"*) echo Boto3/1 ;;
    "curl -s "*) echo '{"digest": "<SEEN>"}' ;;
    *) echo found ;;
esac
"""


@dataclass(frozen=True)
class Call:
    """One command of a document."""

    document: str
    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        return self.argv[0]

    @property
    def target(self) -> str:
        """What make makes; the list of targets if the command names none."""
        return next((word for word in self.argv[1:] if "=" not in word), "help")

    @property
    def variables(self) -> dict[str, str]:
        """What make is given."""
        pairs = (word.partition("=") for word in self.argv[1:] if "=" in word)
        return {name: value for name, _, value in pairs}

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join(self.argv)}"


def calls() -> list[Call]:
    """Returns every command of every document once, in the order of the documents."""
    found = [call for path in DOCUMENTS for call in [*of_blocks(path), *of_spans(path)]]
    seen = {call.argv: call for call in reversed(found)}
    return list(reversed(seen.values()))


def of_spans(document: Path) -> list[Call]:
    """Returns the commands that stand within a sentence."""
    text = re.sub(r"^ *```.*?^ *```$", "", document.read_text(), flags=re.M | re.S)
    spans = re.findall(r"`((?:make|sam|aws|\.venv/\S+/python) [^`\n]+)`", text)
    return [Call(name_of(document), tuple(shlex.split(span))) for span in spans]


@cache
def of_blocks(document: Path) -> tuple[Call, ...]:
    """Returns the commands of the `sh` blocks.

    Raises:
        AssertionError: The shell finds a program or a variable that is not known here.
    """
    script = "\n".join(blocks(document))
    if not script:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        noted, complaints = _run(script, Path(folder))
    assert not complaints, f"{name_of(document)}: {complaints}"
    return tuple(Call(name_of(document), argv) for argv in noted)


def blocks(document: Path) -> list[str]:
    """Returns the `sh` blocks, without their indent."""
    found = re.finditer(r"^( *)```sh\n(.*?)^ *```$", document.read_text(), re.M | re.S)
    return [re.sub(rf"^{match[1]}", "", match[2], flags=re.M) for match in found]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def _run(script: str, folder: Path) -> tuple[list[tuple[str, ...]], str]:
    """Runs a script among stand-ins; returns how they were called, and what the shell complains."""
    project, programs = folder / "project", folder / "bin"
    for made in (project, programs, folder / "my-agent", project / "my-agent"):
        made.mkdir()
    for name in NOTED:
        path = project / name if "/" in name else programs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STAND_IN.replace("$NAME", name))
        path.chmod(0o755)
    for name, real in REAL.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {real} "$@"\n')
        (programs / name).chmod(0o755)
    given = {name: f"<{name}>" for name in FOR_THE_READER}
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-u", "-c", script],
        cwd=project,
        env=given | {"PATH": str(programs), "CALLS": str(folder / "calls")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return _read(folder / "calls"), done.stderr


def _read(calls: Path) -> list[tuple[str, ...]]:
    words = calls.read_bytes().decode().split("\0")[:-1] if calls.exists() else []
    noted = []
    while words:
        length = int(words[0]) + 2
        noted.append(tuple(words[1:length]))
        words = words[length:]
    return noted


def clean_environment() -> dict[str, str]:
    """Returns the environment without what make, or an account of AWS, left in it."""
    gone = re.compile(r"AWS_|MAKE|MFLAGS")
    return {name: value for name, value in os.environ.items() if not gone.match(name)}
