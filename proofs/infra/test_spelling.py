"""The spelling check of `make lint`: what it reads, and that it leaves German and names alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sam_clone import ROOT

WRONG = "It is recieved twice."


@pytest.mark.parametrize(
    ("file", "text", "status"),
    [
        ("docs/page.md", WRONG, 65),
        (".github/form.yml", WRONG, 65),
        ("src/module.py", f'"""{WRONG}"""', 65),
        ("docs/page.md", "It is received twice, with a rainbow mane.", 0),
        ("src/languages/de.json", '{"a": "Sie als oder"}', 0),
        (".venv/lib/page.md", WRONG, 0),
    ],
)
def test_it_finds_a_misspelt_word_where_people_read(
    tmp_path: Path, file: str, text: str, status: int
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == status, done.stdout
