"""The library and the tools as wheels: the same files make the same wheel, byte for byte.

A wheel of pure Python is a zip of its packages and four files about them, so this needs no build
tool. Source: "Binary distribution format", Python Packaging User Guide.
"""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Wheel:
    """A wheel as a file.

    Attributes:
        file_name: Such as `longrunning-0.1.0+g7d662d1-py3-none-any.whl`.
        content: Its bytes.
    """

    file_name: str
    content: bytes

    def requirement(self, folder: str) -> str:
        """Returns the line of a requirements file, with the hash.

        Args:
            folder: Where the wheel lies, seen from where pip or uv is started.
        """
        digest = hashlib.sha256(self.content).hexdigest()
        return f"./{folder}/{self.file_name} \\\n    --hash=sha256:{digest}\n"


def library(files: Mapping[str, bytes], version: str) -> Wheel:
    """Makes the wheel of `longrunning`.

    Args:
        files: All files of the repository by name.
        version: Of the wheel.
    """
    found = _under(files, "src/layer/python/", "longrunning/")
    found["longrunning/py.typed"] = b""
    extras = {
        "agent": [*_requirements(files["src/agent/requirements.in"]), "jsonschema"],
        "tracing": _requirements(files["src/layer/requirements.in"]),
    }
    lines = [f"Provides-Extra: {extra}" for extra in extras]
    for extra, needs in extras.items():
        lines += [f'Requires-Dist: {need}; extra == "{extra}"' for need in needs]
    return _wheel("longrunning", version, found, lines, files["LICENSE"])


def tools(files: Mapping[str, bytes], version: str) -> Wheel:
    """Makes the wheel of what never runs on AWS: local stack, operators' commands, test kit.

    Args:
        files: All files of the repository by name.
        version: Of the wheel, and of the library that it needs.
    """
    found = _under(files, "", "local/", "operate/")
    found |= _under(files, "testkit/", "longrunning_testkit/", "aws_template.py", "wait_store.py")
    needs = [f"Requires-Dist: longrunning=={version}"]
    return _wheel("longrunning_tools", version, found, needs, files["LICENSE"])


def _under(files: Mapping[str, bytes], root: str, *starts: str) -> dict[str, bytes]:
    """Returns the files whose names begin with a root and one of these, without the root."""
    wanted = tuple(root + start for start in starts)
    return {n.removeprefix(root): content for n, content in files.items() if n.startswith(wanted)}


def _requirements(content: bytes) -> list[str]:
    return re.findall(r"^[a-z].*", content.decode(), re.MULTILINE)


def _wheel(
    name: str, version: str, files: Mapping[str, bytes], needs: list[str], license_text: bytes
) -> Wheel:
    about = f"{name}-{version}.dist-info"
    metadata = [
        *("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"),
        *("License-Expression: Apache-2.0", "License-File: LICENSE", "Requires-Python: >=3.11"),
    ]
    tag = "Wheel-Version: 1.0\nGenerator: starter\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents = dict(sorted(files.items())) | {
        f"{about}/licenses/LICENSE": license_text,
        f"{about}/METADATA": "\n".join([*metadata, *needs, ""]).encode(),
        f"{about}/WHEEL": tag.encode(),
    }
    record = "".join(f"{n},{_record_hash(c)},{len(c)}\n" for n, c in contents.items())
    contents[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    return Wheel(f"{name}-{version}-py3-none-any.whl", zipped(contents))


def _record_hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Returns a zip of files, in their order and without the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
