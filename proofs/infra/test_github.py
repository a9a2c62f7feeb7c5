"""What GitHub reads: forms, workflows, Dependabot. Their form, and that they name what exists."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sam_clone import ROOT

GITHUB = ROOT / ".github"
FORMS = [path for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml") if path.name != "config.yml"]
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
MAINTAIN = (ROOT / "docs/maintain.md").read_text()


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def named(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


@named(FORMS)
def test_a_form_has_what_github_wants(path: Path) -> None:
    """Source: GitHub, "Syntax for issue forms" and "Syntax for GitHub's form schema"."""
    form = load(path)
    assert {"name", "description", "body"} <= {*form}
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(ids) == len({*ids}) > 0
    for part in form["body"]:
        assert part["type"] in ("markdown", "textarea", "input", "dropdown", "checkboxes")
        assert ("value" if part["type"] == "markdown" else "label") in part["attributes"]
        assert isinstance(part["attributes"].get("description", ""), str)
    assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_a_bug_and_a_question_have_a_form_and_security_has_another_way() -> None:
    assert {path.name for path in FORMS} == {"bug.yml", "question.yml"}
    assert load(GITHUB / "ISSUE_TEMPLATE/config.yml") == {"blank_issues_enabled": False}
    assert "SECURITY.md" in (GITHUB / "ISSUE_TEMPLATE/bug.yml").read_text()
    assert "Report a vulnerability" in (ROOT / "SECURITY.md").read_text().replace("\n", " ")


@named(WORKFLOWS)
def test_a_workflow_runs_targets_that_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"\bmake ([a-z][a-z-]*)", "\n".join(commands_of(path)))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


@named(WORKFLOWS)
def test_a_workflows_commands_are_right_for_a_shell(path: Path) -> None:
    for command in commands_of(path):
        done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def commands_of(path: Path) -> list[str]:
    jobs = load(path)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@named(WORKFLOWS)
def test_a_workflow_has_the_rights_that_it_needs_and_an_end(path: Path) -> None:
    workflow = load(path)
    writes = {name for name, right in workflow["permissions"].items() if right == "write"}
    assert writes == (
        {"contents", "pull-requests"} if "gh pr create" in path.read_text() else set()
    )
    assert all(job["timeout-minutes"] <= 30 for job in workflow["jobs"].values())


def test_dependabot_knows_every_folder_with_pins_and_groups_what_it_opens() -> None:
    actions, packages = load(GITHUB / "dependabot.yml")["updates"]
    folders = {f"/{path.parent.relative_to(ROOT)}" for path in ROOT.glob("src/*/requirements.txt")}
    assert {*packages["directories"]} == folders | {"/requirements"}
    assert packages["open-pull-requests-limit"] == 0
    assert packages["groups"] and actions["groups"]


def test_the_lowest_strands_is_the_same_in_ci_and_in_the_guide() -> None:
    """And the pin is not below it."""
    lowest, newest = load(GITHUB / "workflows/ci.yml")["jobs"]["strands"]["strategy"]["matrix"][
        "version"
    ]
    assert newest == "newest"
    stated = re.findall(r"\*\*Supported: strands-agents ([\d.]+) to [\d.]+\.\*\*", MAINTAIN)
    assert stated == [lowest]
    for text in (MAINTAIN, (ROOT / ".ci/run").read_text()):
        assert f"make strands VERSION={lowest}" in text
    for file in ("src/agent/requirements.in", *(f"requirements/{n}.in" for n in PINNED)):
        (pin,) = re.findall(
            r"^strands-agents(?:\[.+?\])?==([\d.]+)$", (ROOT / file).read_text(), re.M
        )
        assert number(pin) >= number(lowest), file


PINNED = ("test", "providers", "bench")


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_changelog_has_versions_by_day_the_newest_first() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", h) for h in headings[1:]]
    assert all(released)
    versions = [number(match[1]) for match in released if match]
    assert versions == sorted(versions, reverse=True)
