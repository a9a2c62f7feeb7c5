"""A run that ends says so at once, and waits for no disk."""

import argparse
import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local import lifecycle, removal
from local import run as local_run
from local.console import Console
from local.removal import remove


def folder_with_files(path: Path) -> Path:
    (path / "tmp" / "worker").mkdir(parents=True)
    (path / "tmp" / "worker" / "module.py").write_text("x = 1\n")
    return path


def wait_until_only(parent: Path, *names: str) -> None:
    deadline = time.monotonic() + 60
    while sorted(os.listdir(parent)) != sorted(names):
        assert time.monotonic() < deadline, os.listdir(parent)
        time.sleep(0.05)


def test_folders_are_moved_away_at_once_and_removed_in_the_background(tmp_path: Path) -> None:
    state = folder_with_files(tmp_path / "a b*")
    (state / "kept.json").write_text("{}")
    (tmp_path / "other").mkdir()
    remove([state / "tmp", state / "never-there"], state)
    assert os.listdir(state) == ["kept.json"]
    wait_until_only(tmp_path, "a b*", "other")


def test_nobody_waits_for_the_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_IN_THE_BACKGROUND", f"(sleep 5; {removal._IN_THE_BACKGROUND}) &")
    state = folder_with_files(tmp_path / "state")
    started = time.monotonic()
    remove([state / "tmp"], state)
    assert time.monotonic() - started < 4
    assert not (state / "tmp").exists() and len(os.listdir(tmp_path)) == 2
    wait_until_only(tmp_path, "state")


def test_what_an_interrupted_removal_has_left_goes_with_the_next(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    folder_with_files(tmp_path / "state-gone-x")
    remove([], state)
    wait_until_only(tmp_path, "state")


def test_where_nothing_can_be_put_beside_it_a_folder_is_removed_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> str:
        raise PermissionError

    monkeypatch.setattr(removal.tempfile, "mkdtemp", refuse)
    state = folder_with_files(tmp_path / "state")
    remove([state / "tmp"], state)
    assert os.listdir(state) == [] and os.listdir(tmp_path) == ["state"]


def test_the_background_process_is_out_of_reach_of_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(subprocess, "run", lambda _, **options: given.update(options))
    state = folder_with_files(tmp_path / "state")
    remove([state / "tmp"], state)
    assert given["start_new_session"] is True and given["stdout"] == subprocess.DEVNULL


def test_a_run_that_is_stopped_says_so_before_anything_is_stopped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(BaseException):
        """As a signal ends it."""

    def interrupt(*_: Any) -> None:
        raise Interrupted

    @contextlib.contextmanager
    def running(settings: Any, *_: Any, **__: Any) -> Iterator[Any]:
        try:
            yield SimpleNamespace(settings=settings, view=None, traces=None, has_feed=True)
        finally:
            print("the emulator stops")

    monkeypatch.setattr(local_run, "running", running)
    monkeypatch.setattr(local_run.time, "sleep", interrupt)
    with pytest.raises(Interrupted):
        local_run.main(Console(), argparse.Namespace(state_dir=None, no_reload=True))
    assert capsys.readouterr().out.endswith("\nStopping …\nthe emulator stops\n")


def test_a_runs_own_folders_are_those_that_are_moved_away(tmp_path: Path) -> None:
    state = folder_with_files(tmp_path / "state")
    (state / "stack.json").write_text("{}")
    lifecycle._clear(state)
    assert os.listdir(state) == []
    wait_until_only(tmp_path, "state")
