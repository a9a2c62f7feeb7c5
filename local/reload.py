"""A changed file under src/ becomes running code, in that function or layer and nowhere else.

Whatever changed is tried before it runs (`trial`). Where it cannot be imported, the file, the line
and the error are said and the old code runs on: no message meets code that cannot take it. A change
of the layer is tried with every function, and taken with all that changed beside it or not at all.

The packages stay as they were built; only a change of requirements.txt has `sam build` run again.
What is made once, at the start, cannot be taken over: a changed template says so.
"""

import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local import build as building
from local.artifacts import zip_folder
from local.build import Build
from local.console import Console, LocalError
from local.emulator import Emulator
from local.overlay import PACKAGES_FILE, lay_over, own_files, packages_of
from local.settings import ARTIFACTS_BUCKET, Settings
from local.stack import Stack
from local.trial import Part, Problem, try_out

READ_AT_START = (
    "template.yaml", "src/unitok/template.yaml", "src/picture/template.yaml",
    "monitoring/template.yaml", "samconfig.toml",
)  # fmt: skip
_POLL_SECONDS = 0.5
_FAULTS = (LocalError, OSError, BotoCoreError, ClientError)


@dataclass(frozen=True)
class _State:
    files: dict[str, bytes]
    packages: bytes


class Reloader:
    """Watches the sources of every function and layer until stopped."""

    def __init__(
        self, settings: Settings, emulator: Emulator, stack: Stack, build: Build, console: Console
    ) -> None:
        """Takes the running stack and what it was built from."""
        self._settings = settings
        self._folder = settings.state_dir / "rebuild"
        self._emulator = emulator
        self._lambda = emulator.client("lambda")
        self._s3 = emulator.client("s3")
        self._stack = stack
        self._build = build
        self._console = console
        self._built = self._states()
        self._seen = dict(self._built)
        self._running = dict(self._built)
        self._packaged: dict[str, _State] = {}  # What lies in our own folder.
        self._started_with = _contents(settings.root)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Starts to watch in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stops watching; a build that runs is not waited for."""
        self._stopping.set()

    def _watch(self) -> None:
        contents = self._started_with
        while not self._stopping.wait(_POLL_SECONDS):
            states = self._states()
            if states != self._seen and self._is_quiet(states):
                before, self._seen = self._seen, states
                self._say_what_has_changed(before)
                self._take(before)
            if contents != (contents := _contents(self._settings.root)):
                self._say_what_needs_a_start(contents)

    def _states(self) -> dict[str, _State]:
        return {name: _state(folder) for name, folder in self._build.sources.items()}

    def _is_quiet(self, states: dict[str, _State]) -> bool:
        """An editor or a checkout may still be writing."""
        return not self._stopping.wait(_POLL_SECONDS) and self._states() == states

    def _say_what_needs_a_start(self, contents: dict[str, bytes]) -> None:
        for name in READ_AT_START:
            if contents[name] != self._started_with[name]:
                self._console.error(f"{name} has changed: start again (Ctrl-C, then make run).")

    def _say_what_has_changed(self, before: dict[str, _State]) -> None:
        """The trial of a change takes seconds: whoever waits reads that it has begun."""
        paths = sorted({
            os.path.relpath(self._build.sources[name] / file, self._settings.root)
            for name, state in self._seen.items() if state != self._running[name]
            for file in _changed(before[name], state)
        })  # fmt: skip
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            self._console.say(f"{paths[0]}{more} changed: reloading …")

    def _take(self, before: dict[str, _State]) -> None:
        """Takes over what does not run yet, if it can run."""
        changed = [name for name in self._seen if self._seen[name] != self._running[name]]
        for name in [name for name in self._seen if name not in changed]:
            if self._seen[name] != before[name]:
                self._console.say(f"  {name} is again as it runs")
        layers = [name for name in changed if not self._is_function(name)]
        functions = [n for n in self._seen if self._is_function(n) and (layers or n in changed)]
        problems = {name: problem for name in functions if (problem := self._problem(name))}
        if layers and problems:
            self._refuse(changed, next(iter(problems.values())))
            return
        for name in [*layers, *(name for name in functions if name in changed)]:
            if name in problems:
                self._refuse([name], problems[name])
            else:
                self._reload(name)

    def _is_function(self, logical_id: str) -> bool:
        """SAM adds a hash to a layer's id, so that only functions are found by their own."""
        return logical_id in self._stack.physical_ids

    def _problem(self, function: str) -> str:
        """Returns why a function could not run as its files are now; "" if it could."""
        names = [function, *(name for name in self._seen if not self._is_function(name))]
        try:
            parts = [self._part(name) for name in names]
            properties = self._build.resources[function]["Properties"]
            problem = try_out(parts, properties["Handler"], self._environment(function))
        except _FAULTS as error:
            return str(error)
        return self._shown(problem, names) if problem else ""

    def _part(self, logical_id: str) -> Part:
        state = self._seen[logical_id]
        package = self._package(logical_id, state)
        root = "" if self._is_function(logical_id) else "python"
        return Part(str(package), root, sorted(state.files))

    def _environment(self, function: str) -> dict[str, str]:
        """What the function's process has: a module may read it when it is imported."""
        found = self._lambda.get_function_configuration(
            FunctionName=self._stack.physical_ids[function]
        )
        variables: dict[str, str] = found.get("Environment", {}).get("Variables", {})
        return self._emulator.function_environment() | variables

    def _shown(self, problem: Problem, names: list[str]) -> str:
        if problem.part is None:
            return problem.error
        path = self._build.sources[names[problem.part]] / problem.file
        place = f"{os.path.relpath(path, self._settings.root)}, line {problem.line}"
        return f"{place}: {problem.error}"

    def _refuse(self, names: list[str], why: str) -> None:
        if not self._stopping.is_set():
            self._console.error(f"{', '.join(names)} not reloaded, the old code runs on: {why}")

    def _reload(self, logical_id: str) -> None:
        started = time.monotonic()
        state = self._seen[logical_id]
        try:
            package = zip_folder(self._package(logical_id, state))
            self._s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=logical_id, Body=package)
            self._update(logical_id)
        except _FAULTS as error:
            self._refuse([logical_id], str(error))
            return
        self._running[logical_id] = state
        self._console.say(f"  reloaded {logical_id} in {time.monotonic() - started:.1f} s")

    def _package(self, logical_id: str, state: _State) -> Path:
        """Returns the folder of a package with these sources."""
        folder = self._folder / logical_id  # sam build empties the folder it is given.
        if self._packaged.get(logical_id) == state:
            return folder / logical_id
        packaged = self._packaged.pop(logical_id, None)
        built = self._built[logical_id]
        if packaged is None and state.packages == built.packages:
            shutil.rmtree(folder, ignore_errors=True)
            building.copy_built(self._settings, logical_id, folder)
            packaged = built
        if packaged is None or state.packages != packaged.packages:
            building.rebuild(self._settings, self._build.sam_ids[logical_id], folder)
        else:
            lay_over(folder / logical_id, packaged.files, state.files)
        self._packaged[logical_id] = state
        return folder / logical_id

    def _update(self, logical_id: str) -> None:
        code = {"S3Bucket": ARTIFACTS_BUCKET, "S3Key": logical_id}
        if self._is_function(logical_id):
            name = self._stack.physical_ids[logical_id]
            self._lambda.update_function_code(FunctionName=name, **code)
        else:
            self._publish_layer(code)

    def _publish_layer(self, code: dict[str, str]) -> None:
        """A layer's version never changes: the functions that had the old one get a new one."""
        name = self._stack.physical_ids[self._layer_id(code["S3Key"])].split(":")[-2]
        published = self._lambda.publish_layer_version(LayerName=name, Content=code)
        for logical_id in self._stack.log_groups:
            function = self._stack.physical_ids[logical_id]
            self._use_layer(function, name, published["LayerVersionArn"])

    def _use_layer(self, function: str, layer_name: str, version_arn: str) -> None:
        layers = self._lambda.get_function_configuration(FunctionName=function).get("Layers", [])
        arns = [layer["Arn"] for layer in layers]
        wanted = [version_arn if arn.split(":")[-2] == layer_name else arn for arn in arns]
        if wanted != arns:
            self._lambda.update_function_configuration(FunctionName=function, Layers=wanted)

    def _layer_id(self, key: str) -> str:
        """SAM adds a hash to a layer's logical id; its code keeps the id of the template."""
        return next(
            logical_id
            for logical_id, resource in self._build.resources.items()
            if resource["Properties"].get("Content", {}).get("S3Key") == key
        )


def _state(source: Path) -> _State:
    return _State(own_files(source), packages_of(source))


def _changed(before: _State, now: _State) -> set[str]:
    """Returns the names of files that were changed, added or removed."""
    names = {*before.files, *now.files}
    changed = {name for name in names if before.files.get(name) != now.files.get(name)}
    return changed | ({PACKAGES_FILE} if before.packages != now.packages else set())


def _contents(root: Path) -> dict[str, bytes]:
    """Returns what the files hold that are read only at the start; nothing for one that is gone."""
    paths = {name: root / name for name in READ_AT_START}
    return {name: path.read_bytes() if path.exists() else b"" for name, path in paths.items()}
