"""Changed files become running code after a trial: a mistake is said, and the old code runs on."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from local import build as building
from local.build import Build
from local.console import LocalError
from local.early_failures import BACK_AFTER_SECONDS, give_back
from local.reload import READ_AT_START, Reloader, _contents
from local.settings import Settings
from local.stack import Stack
from local.trial import Part, try_out

HANDLER = "def handler(event, context):\n    return {}\n"


# --- the trial -----------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A function's package, in which all is well."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "one_handler.py").write_text(HANDLER)
    return folder


def trial(folder: Path, layer: Path | None = None, **environment: str) -> str:
    """Tries a package; returns `file:line error`, "" where all is well."""
    parts = [Part(str(folder), "", sorted(os.listdir(folder)))]
    if layer:
        parts.append(Part(str(layer), "python", ["python/shared.py"]))
    found = try_out(parts, "one_handler.handler", {"PATH": os.environ["PATH"], **environment})
    return f"{found.file}:{found.line} {found.error}" if found else ""


def test_what_can_be_imported_is_no_problem(package: Path) -> None:
    assert trial(package) == ""


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("one_handler.py", "def handler(:\n", "one_handler.py:1 SyntaxError: invalid syntax"),
        ("one_handler.py", "x = 1\nimport not_there\n",
         "one_handler.py:2 ModuleNotFoundError: No module named 'not_there'"),
        ("one_handler.py", "x = 1\n",
         ":0 AttributeError: module 'one_handler' has no attribute 'handler'"),
        ("one_handler.py", "\n\nx = {}['a']\n", "one_handler.py:3 KeyError: 'a'"),
        ("one_handler.py", "raise SystemExit\n", "one_handler.py:1 SystemExit"),
        ("one_handler.py", "def f():\n\tx = 1\n        y = 2\n",
         "one_handler.py:3 TabError: inconsistent use of tabs and spaces in indentation"),
        ("one_handler.py", "x = '\0'\n", "one_handler.py:0 SyntaxError: "
         "source code string cannot contain null bytes"),
        ("never_imported.py", "def f(:\n", "never_imported.py:1 SyntaxError: invalid syntax"),
        ("script.json", "[\n  1,\n]", "script.json:3 JSONError: "),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_file_and_line(
    package: Path, name: str, source: str, problem: str
) -> None:
    (package / name).write_text(source)
    found = trial(package)
    assert found.startswith(problem) or ("null bytes" in problem and "null bytes" in found)


def test_a_module_that_is_imported_only_later_is_tried_too(package: Path) -> None:
    (package / "one_handler.py").write_text(f"{HANDLER}\ndef later():\n    import model\n")
    (package / "model.py").write_text("import not_there\n")
    assert trial(package).startswith("model.py:1 ModuleNotFoundError")


def test_a_file_that_nobody_imports_is_not_run(package: Path) -> None:
    (package / "tool_of_mine.py").write_text("raise SystemExit('not a module')\n")
    assert trial(package) == ""


def test_what_is_printed_at_import_is_no_problem(package: Path) -> None:
    source = "import sys\nprint('{}')\nsys.__stdout__.write('{')\n"
    (package / "one_handler.py").write_text(source + HANDLER)
    assert trial(package) == ""


def test_a_thread_that_an_import_starts_is_not_waited_for(package: Path) -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    (package / "one_handler.py").write_text(source + HANDLER)
    assert trial(package) == ""


def test_an_import_that_ends_the_process_is_said(package: Path) -> None:
    (package / "one_handler.py").write_text("import os\nos._exit(0)\n")
    assert "its import ended the process" in trial(package)


def test_a_module_may_read_the_functions_environment(package: Path) -> None:
    (package / "one_handler.py").write_text(f"import os\nX = os.environ['TABLE']\n{HANDLER}")
    assert trial(package, TABLE="t") == ""
    assert trial(package).startswith("one_handler.py:2 KeyError")


def test_a_mistake_in_the_layer_is_the_layers(package: Path, tmp_path: Path) -> None:
    shared = tmp_path / "layer" / "python" / "shared.py"
    shared.parent.mkdir(parents=True)
    shared.write_text("NAME = 1\n")
    (package / "one_handler.py").write_text(f"from shared import NAME\n{HANDLER}")
    assert trial(package, tmp_path / "layer") == ""
    shared.write_text("\nNAME =\n")
    assert trial(package, tmp_path / "layer").startswith("python/shared.py:2 SyntaxError")


def test_a_trial_leaves_no_bytecode(package: Path) -> None:
    trial(package)
    assert os.listdir(package) == ["one_handler.py"]


# --- what is taken over --------------------------------------------------------------------------


@dataclass
class Screen:
    """A console that keeps what is said."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    error = say

    def take(self) -> str:
        said, self.lines = "\n".join(self.lines), []
        return said


class Aws:
    """What the reloader asks of the emulator."""

    def __init__(self) -> None:
        self.updated: list[str] = []

    def client(self, _: str) -> Any:
        return self

    def function_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        arn = "arn:aws:lambda:x:0:layer:shared:1"
        return {"Environment": {"Variables": {"MINE": FunctionName}}, "Layers": [{"Arn": arn}]}

    def put_object(self, **_: Any) -> None:
        """Takes a package."""

    def update_function_code(self, FunctionName: str, **_: Any) -> None:
        self.updated.append(FunctionName)

    def publish_layer_version(self, LayerName: str, **_: Any) -> dict[str, Any]:
        self.updated.append(LayerName)
        return {"LayerVersionArn": f"arn:aws:lambda:x:0:layer:{LayerName}:2"}

    def update_function_configuration(self, **_: Any) -> None:
        """Takes a layer."""


@dataclass
class Project:
    """A small project that runs, as the reloader sees it."""

    root: Path
    aws: Aws
    screen: Screen
    reloader: Reloader

    def write(self, **sources: str) -> str:
        """Writes files, has the reloader look, and returns what it said."""
        for name, source in sources.items():
            (self.root / "src" / name / f"{FILES[name]}.py").write_text(source)
        before, self.reloader._seen = self.reloader._seen, self.reloader._states()
        self.reloader._take(before)
        return self.screen.take()


FILES = {"one": "one_handler", "two": "two_handler", "layer": "python/shared"}
USES_LAYER = f"from shared import NAME\n{HANDLER}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Two functions that import from a layer."""
    root = tmp_path / "project"
    sources = {"One": root / "src/one", "Two": root / "src/two", "Layer": root / "src/layer"}
    for name, source in (("one", USES_LAYER), ("two", USES_LAYER), ("layer", "NAME = 1\n")):
        path = root / "src" / name / f"{FILES[name]}.py"
        path.parent.mkdir(parents=True)
        path.write_text(source)
    (root / "template.yaml").write_text("a: 1\n")
    shutil.copytree(root / "src", tmp_path / "built")

    def copy_built(_: Settings, logical_id: str, folder: Path) -> None:
        shutil.copytree(tmp_path / "built" / logical_id.lower(), folder / logical_id)

    monkeypatch.setattr(building, "copy_built", copy_built)
    resources = {
        name: {"Properties": {"Handler": f"{name.lower()}_handler.handler"}}
        for name in ("One", "Two")
    }
    resources["LayerHash"] = {"Properties": {"Content": {"S3Key": "Layer"}}}
    ids = {"One": "fn-one", "Two": "fn-two", "LayerHash": "arn:aws:lambda:x:0:layer:shared:1"}
    stack = Stack(ids, (), {"One": "/one", "Two": "/two"})
    settings = Settings(root, tmp_path / "state", tmp_path / "build", 3000)
    aws, screen = Aws(), Screen()
    build = Build({"": {"Resources": resources}}, {}, sources, {n: n for n in sources}, False)
    made: Any = Reloader(settings, aws, stack, build, screen)  # type: ignore[arg-type]
    yield Project(root, aws, screen, made)


def test_a_good_change_runs_in_its_function_alone(project: Project) -> None:
    assert project.write(one=f"{USES_LAYER}\nX = 1\n").startswith("  reloaded One in")
    assert project.aws.updated == ["fn-one"]


def test_a_mistake_is_said_and_nothing_is_taken_over(project: Project) -> None:
    said = project.write(one=f"{USES_LAYER}\nx = (\n")
    assert said.startswith(
        "One not reloaded, the old code runs on: src/one/one_handler.py, line 5: SyntaxError: "
    )
    assert project.aws.updated == []
    assert project.write(one=f"{USES_LAYER}\nx = 1\n").startswith("  reloaded One in")


def test_a_change_is_said_before_it_is_tried(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch itself, until it has taken one change."""
    reloader = project.reloader
    looks = iter([False, False, True])
    monkeypatch.setattr(reloader._stopping, "wait", lambda _: next(looks))
    monkeypatch.setattr(reloader, "_take", lambda _: project.screen.say("the trial"))
    for name in READ_AT_START:
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text("")
    reloader._started_with = _contents(project.root)
    (project.root / "src/one/one_handler.py").write_text(f"{USES_LAYER}\nX = 1\n")
    reloader._watch()
    assert project.screen.take() == "src/one/one_handler.py changed: reloading …\nthe trial"


def test_what_has_changed_is_named(project: Project) -> None:
    reloader = project.reloader

    def said() -> str:
        before, reloader._seen = reloader._seen, reloader._states()
        reloader._say_what_has_changed(before)
        return project.screen.take()

    assert said() == ""
    (project.root / "src/one/requirements.txt").write_text("nothing==1\n")
    assert said() == "src/one/requirements.txt changed: reloading …"
    (project.root / "src/two/two_handler.py").unlink()
    (project.root / "src/layer/python/new.py").write_text("")
    assert said() == "src/layer/python/new.py and 1 more changed: reloading …"
    (project.root / "src/two/two_handler.py").write_text(USES_LAYER)
    assert said() == "", "it is again as it runs"


def test_the_old_code_put_back_is_said_and_costs_nothing(project: Project) -> None:
    project.write(one="x = (\n")
    assert project.write(one=USES_LAYER) == "  One is again as it runs"
    assert project.aws.updated == []


def test_a_mistake_in_one_function_does_not_keep_another_back(project: Project) -> None:
    said = project.write(one="x = (\n", two=f"{USES_LAYER}\nX = 1\n")
    assert "One not reloaded" in said and "reloaded Two in" in said
    assert project.aws.updated == ["fn-two"]


def test_a_layer_that_a_function_cannot_import_is_not_taken_over(project: Project) -> None:
    said = project.write(layer="OTHER = 1\n")
    assert said.startswith("Layer not reloaded, the old code runs on: src/one/one_handler.py, line")
    assert "ImportError: cannot import name 'NAME'" in said
    assert project.aws.updated == []


def test_a_layer_and_the_functions_that_need_it_are_taken_over_together(project: Project) -> None:
    new = USES_LAYER.replace("NAME", "OTHER")
    said = project.write(layer="OTHER = 1\n", one=new)
    assert said.startswith("One, Layer not reloaded") and "src/two/two_handler.py" in said
    said = project.write(two=new)
    assert [line.split()[1] for line in said.splitlines()] == ["Layer", "One", "Two"]
    assert project.aws.updated == ["shared", "fn-one", "fn-two"]


def test_a_file_that_is_gone_is_missed(project: Project) -> None:
    helper = project.root / "src/one/helper.py"
    helper.write_text("X = 1\n")
    assert "reloaded One" in project.write(one=f"import helper\n{USES_LAYER}")
    helper.unlink()
    assert "ModuleNotFoundError: No module named 'helper'" in project.write()


def test_a_build_that_fails_is_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise LocalError("sam build failed")

    monkeypatch.setattr(building, "rebuild", fail)
    (project.root / "src/one/requirements.txt").write_text("nothing==1\n")
    assert project.write() == "One not reloaded, the old code runs on: sam build failed"


def test_a_changed_template_asks_for_a_new_start(project: Project) -> None:
    template = project.root / "template.yaml"
    template.write_text("a: 2\n")
    as_started = project.reloader._started_with
    project.reloader._say_what_needs_a_start({**as_started, "template.yaml": b"a: 2\n"})
    assert project.screen.take() == (
        "template.yaml has changed: start again (Ctrl-C, then make run)."
    )
    project.reloader._say_what_needs_a_start(dict(as_started))
    assert project.screen.take() == ""


# --- messages that came meanwhile ----------------------------------------------------------------


def test_a_message_that_nobody_took_comes_back_in_seconds_and_uncounted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    message = {"visible_at": 1_720.0, "receive_count": 1}
    give_back([message], [1_720.0])
    assert message == {"visible_at": 1_000 + BACK_AFTER_SECONDS, "receive_count": 0}


def test_a_message_whose_function_said_when_it_comes_back_is_left_alone() -> None:
    message = {"visible_at": 1_127.0, "receive_count": 2}
    give_back([message], [1_720.0])
    assert message == {"visible_at": 1_127.0, "receive_count": 2}
