"""For all proofs: an environment that is everywhere the same, and Chromium for those of pages."""

from collections.abc import Iterator
from typing import Any

import pytest

import chromium
import clean_environment

clean_environment.clean()  # Before any test module is imported: some make their clients then.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a browser, in one line, where there is none."""
    if not chromium.is_there():
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=chromium.MISSING))


def pytest_collection_finish() -> None:
    clean_environment.keep_what_is_imported()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once for a module: a process has one Playwright at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=chromium.PATH, args=list(chromium.ARGUMENTS), headless=True
        )
        yield started
        started.close()
