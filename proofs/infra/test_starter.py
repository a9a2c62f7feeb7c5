"""`make starter`: what it makes is small, whole, and works without this repository."""

import fnmatch
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starter import making, manifest, upgrading, wheels

from sam_clone import ROOT, environment, run_sam

MAX_LINES = 17_000
MAX_SECONDS = 60
NOT_COUNTED = ("requirements/*.txt", "src/*/requirements.txt", "events/*.json")
UV = ROOT / ".venv/uv/bin/uv"
PYTHON = sys.executable
NOT_OURS = (".venv", ".local", ".aws-sam")
"""Ignored by git as folders; here each may also be a link to one."""
WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "gc.auto=0")

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="There is no git here.")


def git(folder: Path, *arguments: str) -> str:
    return making.git(folder, *WHO, *arguments)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "as it is now")


def run(command: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        k: v for k, v in os.environ.items() if k not in ("DIR", "FROM", "DRY_RUN", "PYTHONPATH")
    }
    return subprocess.run(command, cwd=cwd, env=kept | variables, capture_output=True, text=True)


def make_starter(folder: str, root: Path = ROOT, **variables: str) -> tuple[int, str]:
    done = run([PYTHON, "-m", "starter", "make"], root, DIR=folder, **variables)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this checkout as it is now, with what is not committed; it may be no clone."""
    folder = tmp_path_factory.mktemp("upstream")
    store = folder / "store.git"
    checkout = (f"--git-dir={store}", f"--work-tree={ROOT}")
    git(ROOT, *checkout, "init", "--quiet")
    (store / "info").mkdir(exist_ok=True)
    (store / "info/exclude").write_text("\n".join(NOT_OURS))
    git(ROOT, *checkout, "add", "--all")
    git(ROOT, *checkout, "commit", "--quiet", "--no-verify", "--message", "as it is now")
    git(folder, "clone", "--quiet", str(store), "the project")
    return folder / "the project"


@pytest.fixture(scope="module")
def starter(repository: Path) -> Path:
    """A starter, committed, in a folder with a space in its name."""
    folder = repository.parent / "my agent"
    status, said = make_starter(str(folder), repository)
    assert status == 0, said
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def installed(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels, in a folder of their own."""
    folder = tmp_path_factory.mktemp("installed")
    files = [str(path) for path in starter.rglob("*.whl")]
    assert len(files) == 2
    command = [str(UV), "pip", "install", "--no-deps", "--offline", "--python", PYTHON]
    done = run([*command, "--target", str(folder), *files], starter)
    assert done.returncode == 0, done.stderr
    return folder


def names_of(folder: Path) -> list[str]:
    return making.git(folder, "ls-files", "-z").split("\0")[:-1]


def lines_by_folder(folder: Path) -> dict[str, int]:
    """Lines of all text files that git tracks, but for hash pins and events."""
    found: dict[str, int] = {}
    for name in names_of(folder):
        content = (folder / name).read_bytes()
        if b"\0" not in content and not any(fnmatch.fnmatch(name, p) for p in NOT_COUNTED):
            top = "/".join(name.split("/")[:-1][:2]) or "."
            found[top] = found.get(top, 0) + content.count(b"\n")
    return found


# --- what is in it -------------------------------------------------------------------------------


def test_a_starter_has_at_most_17_000_lines(starter: Path) -> None:
    lines = lines_by_folder(starter)
    assert sum(lines.values()) <= MAX_LINES, lines


def test_nothing_that_only_proves_is_in_it(starter: Path) -> None:
    tops = {name.split("/")[0] for name in names_of(starter)}
    assert not tops & {"proofs", "benchmarks", "testkit", "starter", "local", "operate", ".ci"}
    tests = {name for name in names_of(starter) if name.startswith("tests/")}
    assert tests == {new for new in manifest.RENAMED.values() if new.startswith("tests/")}


def test_templates_and_functions_are_the_repositorys_byte_for_byte(starter: Path) -> None:
    for name in names_of(starter):
        if name.startswith(("src/", "monitoring/", "targets/")) or name == "template.yaml":
            if not name.startswith("src/layer/"):
                assert (starter / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_every_command_of_the_readme_is_there_and_none_that_proves(starter: Path) -> None:
    listed = run(["make", "--no-print-directory"], starter).stdout
    targets = set(re.findall(r"^make (\S+) ", listed, re.MULTILINE))
    readme = (starter / "README.md").read_text()
    code = re.sub(r"#.*", "", "\n".join(re.findall(r"(?s)```sh\n(.*?)```", readme)))
    code += "\n".join(re.findall(r"`(make [^`]*)`", readme))
    commands = set(re.findall(r"\bmake ([a-z-]+)", code)) - {"starter", "prove"}
    assert {"run", "test", "upgrade", "smoke", "requirements"} <= commands
    assert commands <= targets
    known = "help run demo task approvals approvers inbox ledger redrive smoke test lint upgrade"
    assert targets == {*known.split(), "build", "deploy", "clean", "requirements"}
    phony = re.findall(r"^\.PHONY: (.*)", (starter / "Makefile").read_text(), re.MULTILINE)
    assert set(" ".join(phony).split()) == targets


@pytest.fixture
def pages(starter: Path) -> Iterator[tuple[Path, str]]:
    files = [starter / "README.md", *sorted((starter / "docs").glob("*.md"))]
    return ((file, file.read_text()) for file in files)


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title)) for title in titles)
    return {word.strip().lower().replace(" ", "-") for word in words}


def test_every_link_of_its_readme_and_docs_leads_somewhere(
    starter: Path, pages: Iterator[tuple[Path, str]]
) -> None:
    checked = 0
    for file, text in pages:
        for target in re.findall(r"\]\(([^()\s]+)\)", text):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            path = (file.parent / name).resolve() if name else file
            assert path.exists(), f"{file.name}: {target}"
            assert not anchor or anchor in anchors(path.read_text()), f"{file.name}: {target}"
            checked += 1
    assert checked > 100


def test_every_pin_is_that_of_the_projects_own_tests() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))

    assert pins("starter.txt").items() <= pins("test.txt").items()


def test_pins_stand_in_the_order_in_which_uv_writes_them(starter: Path) -> None:
    """So that `make requirements`, given for the first time, changes nothing."""
    for name in ("requirements/test.txt", "requirements/local.txt", "src/layer/requirements.txt"):
        entries = re.findall(
            r"^(?:\./\S+/)?([a-z0-9_-]+?)(?:==|-\d)", (starter / name).read_text(), re.M
        )
        assert "longrunning" in entries
        assert [e.replace("_", "-") for e in entries] == sorted(
            e.replace("_", "-") for e in entries
        )


# --- it works ------------------------------------------------------------------------------------


@pytest.fixture
def environments(starter: Path, installed: Path) -> Iterator[None]:
    """Stands in the place of the starter's environments: ours, with its wheels on the path."""
    venv = starter / ".venv"
    for name, program in (("test", "python"), ("test", "ruff"), ("test", "mypy"), ("sam", "sam")):
        stand_in = venv / name / "bin" / program
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        path = f'PYTHONPATH="{installed}" MYPYPATH="{installed}"' if name == "test" else ""
        stand_in.write_text(f'#!/bin/sh\n{path} exec "{ROOT}/.venv/{name}/bin/{program}" "$@"\n')
        stand_in.chmod(0o755)
    for name in ("uv", "test", "sam"):
        ready = venv / name / "ready"
        ready.parent.mkdir(exist_ok=True)
        ready.touch()
        os.utime(ready, (4e9, 4e9))
    yield
    shutil.rmtree(venv)


@pytest.mark.usefixtures("environments")
def test_make_test_passes_and_takes_less_than_a_minute(starter: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(["make", "test"], starter, PYTEST_ADDOPTS="-p no:schemathesis")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("is a valid SAM Template") == 4
    assert re.search(r"\d+ passed", done.stdout)
    assert state(starter) == ""
    # Of the processor: other work on this machine does not count.
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < MAX_SECONDS


def test_its_commands_find_the_project_and_all_that_they_import(
    starter: Path, installed: Path
) -> None:
    modules = ["local." + name for name in ("run", "demo", "task", "emulator_process")]
    modules += ["operate." + name for name in ("approvals", "approvers", "ledger", "smoke")]
    script = "import sys, importlib, local.settings\n"
    script += f"for name in {modules}: importlib.import_module(name)\n"
    script += "print(local.settings.make_settings(3000).root)"
    python = str(ROOT / ".venv/local/bin/python")
    done = run([python, "-P", "-c", script], starter, PYTHONPATH=str(installed))
    assert done.stdout.strip() == str(starter.resolve()), done.stderr


def test_sam_build_puts_the_library_into_the_layer(starter: Path, tmp_path: Path) -> None:
    clone = tmp_path / "a clone of it"
    git(tmp_path, "clone", "--quiet", str(starter), str(clone))
    run_sam(clone, "build", "SweeperFunction")
    layer = clone / ".aws-sam/build/SharedLayer"
    in_source = {p.name for p in (ROOT / "src/layer/python/longrunning").glob("*.py")}
    assert in_source <= {p.name for p in (layer / "python/longrunning").glob("*.py")}
    assert (layer / "python/aws_xray_sdk").is_dir()
    assert not list(layer.rglob("*.whl"))


def test_pip_installs_the_library_where_there_is_no_uv(starter: Path, tmp_path: Path) -> None:
    source = tmp_path / "scratch"  # As sam build copies it, away from all else.
    shutil.copytree(starter / "src/layer", source)
    shutil.copytree(starter / "targets", tmp_path / "targets")
    pip = ROOT / ".venv/uv/bin/python"
    command = [
        str(pip),
        str(tmp_path / "targets/package.py"),
        "python3.13",
        "arm64",
        ".",
        "../made",
    ]
    done = subprocess.run(
        command, cwd=source, env=environment(uv=False), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "made/python/longrunning/people/languages/en.json").exists()


# --- the library as a package --------------------------------------------------------------------


def test_the_same_files_make_the_same_wheels(repository: Path) -> None:
    files = making.tracked_files(repository)
    made = [wheels.library(dict(order), "1.0") for order in (files.items(), [*files.items()][::-1])]
    assert made[0] == made[1]
    assert made[0].content != wheels.library(files, "1.1").content


def test_an_agent_of_another_project_runs_on_the_wheel(starter: Path, tmp_path: Path) -> None:
    """The environment has the wheels, strands-agents, boto3 and what the test kit needs."""
    python = str(tmp_path / "env/bin/python")
    done = run([str(UV), "venv", "--quiet", "--python", PYTHON, str(tmp_path / "env")], tmp_path)
    assert done.returncode == 0, done.stderr
    pins = ROOT / "requirements/starter.txt"
    (library,) = (starter / manifest.LIBRARY_FOLDER).iterdir()
    (tools,) = (starter / manifest.TOOLS_FOLDER).iterdir()
    wanted = [f"{library}[agent]", str(tools), "boto3", "pytest", "pyyaml"]
    constraints = tmp_path / "pins.txt"
    constraints.write_text("\n".join(re.findall(r"^[a-z0-9-]+==[^ ;]+", pins.read_text(), re.M)))
    install = [str(UV), "pip", "install", "--quiet", "--python", python, "-c", str(constraints)]
    done = run([*install, *wanted], tmp_path)
    assert done.returncode == 0, done.stderr

    foreign = Path(__file__).parent / "foreign"
    written = [line for line in (foreign / "refund_agent.py").read_text().splitlines() if line]
    assert len(written) <= 30
    done = run([python, str(foreign / "walk.py")], starter)  # Its template declares the tables.
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["library"].startswith(str(tmp_path / "env"))
    assert found["paused"] == ["waiting", {}, True]
    assert found["ended"] == ["completed", "refunded", ["4711"]]
    assert found["refused"] == []


# --- where it cannot be made ---------------------------------------------------------------------


def test_without_a_folder_it_asks_for_one() -> None:
    assert make_starter("") == (2, "Say where the project shall be: make starter DIR=../my-agent\n")


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    status, said = make_starter(str(tmp_path))
    assert (status, "is not empty: name a new folder" in said) == (2, True)
    status, said = make_starter(str(tmp_path / "mine.txt"))
    assert (status, "is a file: name a new folder" in said) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("folder", [".", "my-agent", "src/../../{}/x"])
def test_a_folder_in_the_repository_is_refused(folder: str) -> None:
    status, said = make_starter(folder.format(ROOT.name))
    assert (status, "lies in this repository" in said) == (2, True)


def test_without_git_it_says_what_to_install(repository: Path, tmp_path: Path) -> None:
    status, said = make_starter(str(tmp_path / "new"), repository, PATH=str(tmp_path))
    assert (status, said.startswith("There is no git on")) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_copy_that_is_no_clone_says_so(tmp_path: Path) -> None:
    with pytest.raises(making.StarterError, match="is no git clone"):
        making.make_files(tmp_path)


# --- it takes a later version --------------------------------------------------------------------


@pytest.fixture
def adopters(starter: Path, tmp_path: Path) -> Path:
    """A starter in which the adopter has changed, removed and added something."""
    folder = tmp_path / "mine"
    git(tmp_path, "clone", "--quiet", str(starter), str(folder))
    uv = folder / ".venv/uv"
    (uv / "bin").mkdir(parents=True)
    (uv / "bin/python").symlink_to(PYTHON)
    (uv / "ready").touch()
    os.utime(uv / "ready", (4e9, 4e9))
    shutil.rmtree(folder / "src/picture")
    edit(
        folder / "src/agent/agent_definition.py",
        'AGENT_NAME = "post-generator"',
        'AGENT_NAME = "x"',
    )
    edit(folder / "template.yaml", "MemorySize: 512 # MB: what", "MemorySize: 2048 # MB: what")
    edit(folder / "Makefile", "PORT ?= 3000", "PORT ?= 3999")
    with (folder / "requirements/test.in").open("a") as packages:
        packages.write("hypothesis\n")
    (folder / "src/layer/python/people.toml").write_text('[ann]\nname = "Ann"\n')
    commit(folder)
    return folder


@pytest.fixture
def newer(repository: Path, tmp_path: Path) -> Path:
    """A newer version: library, local stack, functions, template and example have changed."""
    folder = tmp_path / "newer clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(folder))
    edit(folder / "src/sweeper/sweeper_handler.py", '"""', '"""New. ', 1)
    edit(folder / "src/layer/python/longrunning/__init__.py", '"""', '"""New. ', 1)
    edit(folder / "src/agent/agent_definition.py", '"""', '"""New. ', 1)
    edit(folder / "src/picture/template.yaml", "AWSTemplate", "# New\nAWSTemplate")
    edit(folder / "template.yaml", "Timeout: 29 # seconds", "Timeout: 28 # seconds")
    git(folder, "rm", "--quiet", "src/unitok/pages/feed.css")
    (folder / "src/sweeper/a_new_module.py").write_text("NEW = True\n")
    commit(folder)
    return folder


def edit(file: Path, found: str, left: str, most: int = -1) -> None:
    text = file.read_text()
    assert found in text, file
    file.write_text(text.replace(found, left, most))


def upgrade(project: Path, clone: Path | str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "upgrade", f"FROM={clone}"]
    return run([*command, *(f"{name}={value}" for name, value in variables.items())], project)


def state(folder: Path) -> str:
    return making.git(folder, "status", "--porcelain", "--untracked-files=all")


def test_an_upgrade_keeps_what_is_yours_and_takes_what_is_newer(
    adopters: Path, newer: Path
) -> None:
    planned = upgrade(adopters, newer, DRY_RUN="1")
    assert planned.returncode == 0, planned.stderr
    assert "Nothing was changed" in planned.stdout
    assert state(adopters) == ""

    done = upgrade(adopters, "../newer clone")
    assert done.returncode == 0, done.stdout + done.stderr
    plan = [line for line in planned.stdout.splitlines() if line.startswith("  ")]
    assert plan == [line for line in done.stdout.splitlines() if line.startswith("  ")]
    template = (adopters / "template.yaml").read_text()
    assert "MemorySize: 2048 # MB" in template
    assert "Timeout: 28 # seconds" in template
    assert (adopters / "src/sweeper/sweeper_handler.py").read_text().startswith('"""New. ')
    assert (adopters / "src/sweeper/a_new_module.py").exists()
    assert not (adopters / "src/unitok/pages/feed.css").exists()
    assert "New. " not in (adopters / "src/agent/agent_definition.py").read_text()
    assert (adopters / "src/layer/python/people.toml").exists()
    assert "PORT ?= 3999" in (adopters / "Makefile").read_text()
    assert not (adopters / "src/picture").exists()  # What was removed does not come back.
    assert "leave out: you have removed it src/picture/template.yaml" in done.stdout
    assert "changed in the newer version: src/agent/agent_definition.py" in done.stdout

    (wheel,) = (adopters / manifest.LIBRARY_FOLDER).iterdir()
    version = (adopters / ".starter/version").read_text().strip()
    assert version == making.version_of(newer, (newer / "CHANGELOG.md").read_text())
    assert version in wheel.name
    for name in ("src/layer/requirements.txt", "requirements/test.txt", "requirements/local.in"):
        assert wheel.name in (adopters / name).read_text()
    tests = (adopters / "requirements/test.in").read_text().splitlines()
    assert (tests[0], tests[-1]) == (f"./{manifest.LIBRARY_FOLDER}/{wheel.name}", "hypothesis")
    commit(adopters)
    again = upgrade(adopters, newer)
    assert [line for line in again.stdout.splitlines() if line.startswith("  ")] == []
    assert state(adopters) == ""


def test_a_line_that_both_have_changed_is_shown_as_a_conflict(adopters: Path, newer: Path) -> None:
    edit(newer / "template.yaml", "MemorySize: 512 # MB: what", "MemorySize: 256 # MB: what")
    commit(newer)
    done = upgrade(adopters, newer)
    assert done.returncode != 0
    assert "CONFLICT   template.yaml" in done.stdout
    assert "1 with conflicts" in done.stdout
    template = (adopters / "template.yaml").read_text()
    conflict = re.search(r"<<<<<<< yours\n(.*)=======\n(.*)>>>>>>> the newer", template, re.DOTALL)
    assert conflict
    assert "2048" in conflict[1]
    assert " 256 " in conflict[2]
    git(adopters, "restore", ".")
    git(adopters, "clean", "-fdq")
    assert state(adopters) == ""


def test_an_upgrade_does_not_begin_on_changes_that_are_not_committed(
    adopters: Path, newer: Path
) -> None:
    edit(adopters / "README.md", "# My agent", "# Mine")
    before = state(adopters)
    done = upgrade(adopters, newer)
    assert done.returncode != 0
    assert "There are changes that are not committed" in done.stderr
    assert "README.md" in done.stderr
    assert state(adopters) == before


def test_an_upgrade_from_what_is_no_clone_says_so(adopters: Path, tmp_path: Path) -> None:
    for folder in ("", str(tmp_path)):
        done = upgrade(adopters, folder)
        assert done.returncode != 0
        assert "Name one: make upgrade FROM=../its-clone" in done.stderr


def test_only_a_starter_in_git_is_upgraded(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(making.StarterError, match="is no starter"):
        upgrading.upgrade(tmp_path)
    shutil.copytree(starter / ".starter", tmp_path / ".starter")
    with pytest.raises(making.StarterError, match="Commit the project to git"):
        upgrading.upgrade(tmp_path)
