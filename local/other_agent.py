"""Another agent in the place of the example's, in the packages of one run and nowhere else."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

from local.build import Build
from local.console import LocalError

AGENT = "AgentFunction"
LAYER_FOLDER = ("src", "layer")


def with_agent(build: Build, folder: Path) -> Build:
    """Returns a build whose packages hold other files.

    Args:
        build: The build of the example.
        folder: `people.toml`, which goes into the layer, and the agent's own files beside it.

    Raises:
        LocalError: The build has no layer of this project.
    """
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    people = files.pop("people.toml")
    layers = [n for n, source in build.sources.items() if source.parts[-2:] == LAYER_FOLDER]
    if not layers:
        raise LocalError("The build has no layer of src/layer, which people.toml goes into.")
    changed = {AGENT: files} | {name: {"python/people.toml": people} for name in layers}
    artifacts = {name: _laid_over(build.artifacts[name], new) for name, new in changed.items()}
    return replace(build, artifacts=build.artifacts | artifacts)


def _laid_over(package: bytes, files: dict[str, bytes]) -> bytes:
    """Puts files into a package; Python believes bytecode without a look at its source."""
    stems = {Path(name).stem for name in files if name.endswith(".py")}
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as before,
        zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as after,
    ):
        for info in before.infolist():
            path = Path(info.filename)
            is_bytecode = path.parts[:-1] == ("__pycache__",) and path.name.split(".")[0] in stems
            if info.filename not in files and not is_bytecode:
                after.writestr(info, before.read(info))
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            after.writestr(info, content)
    return made.getvalue()
