"""A fresh clone for tests of the SAM CLI: the real commands, run as an adopter runs them."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SAM = ROOT / ".venv/sam/bin/sam"
UV_FOLDER = ROOT / ".venv/uv/bin"


def make_clone(folder: Path) -> Path:
    """Copies all that `sam` reads into a folder with a space in its name, and returns it."""
    clone = folder / "a clone"
    for name in ("src", "targets", "events", "monitoring"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, clone)
    return clone


def change_runs_on(clone: Path, runtime: str, architecture: str) -> None:
    """Changes the constant of the template as an adopter does, in an editor."""
    template = clone / "template.yaml"
    new = f"Lambda: {{Runtime: {runtime}, Architecture: {architecture}}}"
    text, count = re.subn(r"Lambda: \{Runtime: .*\}", new, template.read_text())
    assert count == 1
    template.write_text(text)


def run_sam(
    clone: Path, *arguments: str, uv: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs `sam` in a clone; fails with what it said when it fails."""
    done = subprocess.run(
        [SAM, *arguments],
        cwd=clone,
        env=environment(uv=uv, **variables),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@cache
def processed_resources() -> dict[str, dict[str, Any]]:
    """Returns the resources that CloudFormation gets of all templates, after the SAM transform."""
    template = str(ROOT / "template.yaml")
    done = subprocess.run(
        [ROOT / ".venv/sam/bin/python", "local/transform.py", template, template, "bucket", "{}"],
        cwd=ROOT,
        env=environment(AWS_DEFAULT_REGION="us-east-1"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    templates = json.loads(done.stdout)["templates"].values()
    return {k: v for template in templates for k, v in template["Resources"].items()}


def environment(uv: bool = True, **variables: str) -> dict[str, str]:
    """The environment of a `sam` command, with or without uv on its PATH."""
    folders = os.environ["PATH"].split(os.pathsep)
    without_uv = [folder for folder in folders if not shutil.which("uv", path=folder)]
    path = os.pathsep.join([str(UV_FOLDER), *folders] if uv else without_uv)
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", **variables}
