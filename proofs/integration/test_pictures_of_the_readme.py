"""The two pictures of README.md, made from a running stack. PICTURES=1 makes them anew:

PICTURES=1 .venv/test/bin/python -m pytest proofs/integration/test_pictures_of_the_readme.py
"""

import os
import re
import struct
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from local.lifecycle import Running
from local.walk import Walk

import flow_picture
from local_stack import PYTHON, ROOT, LocalStack, free_port

IMAGES = ROOT / "docs/images"
PAGE, FLOW = "review-page.png", "ten-steps.svg"
SIZE = {"width": 390, "height": 1240}
MOST_BYTES = 150_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go."""
    return IMAGES if os.environ.get("PICTURES") == "1" else tmp_path


def test_the_readme_shows_the_review_page_as_it_is(
    stack: LocalStack, browser: Any, folder: Path
) -> None:
    _, links = stack.ask("Announce the summer sale")
    context = browser.new_context(viewport=SIZE, device_scale_factor=1)
    page = context.new_page()
    page.goto(links["approve"])
    page.screenshot(path=folder / PAGE)
    over = page.evaluate("document.documentElement.scrollHeight - window.innerHeight")
    context.close()
    assert over <= 0, "the picture does not show all of the page"
    for place in (folder, IMAGES):
        size = struct.unpack(">II", (place / PAGE).read_bytes()[16:24])
        assert size == (SIZE["width"], SIZE["height"])


def test_the_readme_shows_the_ten_steps_as_they_run(folder: Path, tmp_path: Path) -> None:
    steps = printed(tmp_path / "state") if folder == IMAGES else watched()
    (folder / FLOW).write_text(flow_picture.draw(steps))
    kept, drawn = ((place / FLOW).read_text() for place in (IMAGES, folder))
    assert kept == drawn, "make the pictures anew: PICTURES=1"


def printed(state_dir: Path) -> list[str]:
    """The steps that the demo prints, as they happen."""
    done = subprocess.run(
        [str(PYTHON), "-m", "local", "demo", "--state-dir", str(state_dir)],
        cwd=ROOT,
        env=os.environ | {"PORT": str(free_port()), "STORY": "approval"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return flow_picture.steps_of(done.stdout)


def watched() -> list[str]:
    """The same, as the demo would print them: test_lifecycle.py runs it."""
    return [name for name, _ in Walk(cast(Running, None), "", "").steps()]


@pytest.mark.parametrize("name", [PAGE, FLOW])
def test_the_readme_has_the_picture_and_it_is_small(name: str) -> None:
    text = (ROOT / "README.md").read_text()
    assert re.search(rf'<img src="docs/images/{name}"[^>]* alt="[^"]+"', text)
    assert (IMAGES / name).stat().st_size < MOST_BYTES
