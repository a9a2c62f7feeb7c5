"""A changed file under src/ becomes running code, in that function or layer and nowhere else.

The packages stay as they were built; only a change of requirements.txt has `sam build` run again.
"""

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import build as building
from local.artifacts import zip_folder
from local.build import Build
from local.console import Console, LocalError
from local.emulator import Emulator
from local.overlay import lay_over, own_files, packages_of
from local.settings import ARTIFACTS_BUCKET, Settings
from local.stack import Stack

_POLL_SECONDS = 0.5


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
        self._lambda = emulator.client("lambda")
        self._s3 = emulator.client("s3")
        self._stack = stack
        self._build = build
        self._console = console
        self._built = {name: _state(folder) for name, folder in build.sources.items()}
        self._seen = dict(self._built)
        self._packaged: dict[str, _State] = {}  # What lies in our own folder.
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Starts to watch in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stops watching; a build that runs is not waited for."""
        self._stopping.set()

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            for logical_id, folder in self._build.sources.items():
                state = _state(folder)
                if state != self._seen[logical_id] and self._is_quiet(folder, state):
                    self._seen[logical_id] = state
                    self._reload(logical_id, state)

    def _is_quiet(self, folder: Path, state: _State) -> bool:
        """An editor or a checkout may still be writing."""
        return not self._stopping.wait(_POLL_SECONDS) and _state(folder) == state

    def _reload(self, logical_id: str, state: _State) -> None:
        started = time.monotonic()
        try:
            package = zip_folder(self._package(logical_id, state))
            self._s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=logical_id, Body=package)
            self._update(logical_id)
        except (LocalError, OSError, BotoCoreError, ClientError) as error:
            if not self._stopping.is_set():
                self._console.error(f"{logical_id} was not reloaded, the old code runs on: {error}")
            return
        self._console.say(f"  reloaded {logical_id} in {time.monotonic() - started:.1f} s")

    def _package(self, logical_id: str, state: _State) -> Path:
        """Returns the folder of a package with these sources."""
        folder = self._folder / logical_id  # sam build empties the folder it is given.
        packaged = self._packaged.pop(logical_id, None)
        built = self._built[logical_id]
        if packaged is None and state.packages == built.packages:
            shutil.rmtree(folder, ignore_errors=True)
            building.copy_built(self._settings, logical_id, folder)
            packaged = built
        if packaged is None or state.packages != packaged.packages:
            building.rebuild(self._settings, logical_id, folder)
        else:
            lay_over(folder / logical_id, packaged.files, state.files)
        self._packaged[logical_id] = state
        return folder / logical_id

    def _update(self, logical_id: str) -> None:
        code = {"S3Bucket": ARTIFACTS_BUCKET, "S3Key": logical_id}
        if logical_id in self._stack.physical_ids:
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
        resources: dict[str, Any] = self._build.template["Resources"]
        return next(
            logical_id
            for logical_id, resource in resources.items()
            if resource["Properties"].get("Content", {}).get("S3Key") == key
        )


def _state(source: Path) -> _State:
    return _State(own_files(source), packages_of(source))
