"""A pytest plugin: a row of `make prove` that was stopped goes on with the tests that are left."""

import os
from pathlib import Path

import pytest

PASSED = Path(os.environ["PROVE_PASSED"])
"""A line for each test that has passed: its seconds, and its name."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what has passed before."""
    lines = PASSED.read_text(encoding="utf-8").splitlines() if PASSED.exists() else []
    passed = {line.partition(" ")[2] for line in lines}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
    items[:] = [item for item in items if item.nodeid not in passed]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes what passes; its figures are recorded by then."""
    if report.when == "call" and report.passed:
        with PASSED.open("a", encoding="utf-8") as file:
            file.write(f"{report.duration:.1f} {report.nodeid}\n")
