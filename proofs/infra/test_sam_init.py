"""`sam init --location <repository> --name my-agent` makes a project of its own of this one."""

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sam_clone import ROOT, SAM, environment

NOT_OURS = (".venv", ".local", ".aws-sam")
"""Ignored by git as folders; here each may also be a link to one."""


def git(repository: Path, *arguments: str) -> str:
    """Runs git on a repository whose files are this checkout's, as they are now."""
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "gc.auto=0")
    done = subprocess.run(
        ["git", f"--git-dir={repository}", f"--work-tree={ROOT}", *who, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("git"):
        pytest.skip("There is no git here: sam init clones with it.")
    folder = tmp_path_factory.mktemp("upstream") / "strands-approval.git"
    git(folder, "init", "--quiet")
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info/exclude").write_text("\n".join(NOT_OURS))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "as it is now")
    return folder


@pytest.fixture(scope="module")
def project(repository: Path) -> Path:
    """What `sam init` made of it, without a question."""
    folder = repository.parent
    done = subprocess.run(
        [SAM, "init", "--location", f"git+file://{repository}", "--name", "my-agent"],
        cwd=folder,
        env=environment(HOME=str(folder)),  # It keeps a clone in ~/.cookiecutters.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "my-agent"


def test_the_project_has_every_file_as_it_is_and_no_history(
    repository: Path, project: Path
) -> None:
    names = git(repository, "ls-files", "-z").split("\0")[:-1]
    copied = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert copied == set(names)
    assert not (project / ".git").exists()
    differ = [name for name in names if not filecmp.cmp(ROOT / name, project / name, shallow=False)]
    assert differ == []
    programs = {name for name in names if os.access(ROOT / name, os.X_OK)}
    assert {name for name in names if os.access(project / name, os.X_OK)} == programs


def test_nothing_of_it_is_taken_for_a_question_of_cookiecutter(project: Path) -> None:
    """With this file `sam init` would ask, and put names in the place of what is in braces."""
    assert not (project / "cookiecutter.json").exists()


def test_the_commands_of_the_readme_are_there(project: Path) -> None:
    listed = subprocess.run(["make"], cwd=project, capture_output=True, text=True, check=True)
    for command in ("run", "demo", "build", "deploy", "test"):
        assert f"make {command} " in listed.stdout
