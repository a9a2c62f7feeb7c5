"""`make prove` tells the truth: what failed, hung, was skipped or showed nothing does not hold."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import prove_runner
from prove_runner import BEGIN, END, Outcome, Row, main

HOLDS = """
from prove_figures import is_long, record

def test_it():
    assert is_long()
    record("good", kills=1_000)
    record("good", kills=3, share=0.25)
    record("another row", kills=2)
"""
FAILS = HOLDS + "    assert False"
SKIPS = HOLDS + "    import pytest; pytest.skip('no browser here')"
SAYS_NOTHING = "def test_it(): pass"
HANGS = "import time\ndef test_it(): time.sleep(60)"
FAILS_AND_HANGS = f"{FAILS}\n\ndef test_that_hangs(): import time; time.sleep(60)"
BREAKS = "import no_such_module"


@pytest.fixture(autouse=True)
def own_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(prove_runner, "LOGS", tmp_path / "logs")
    monkeypatch.setenv("PYTHONPATH", str(Path(prove_runner.__file__).parent))


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "reliability.md"
    path.write_text(f"Before.\n{BEGIN}\nold table\n\n{END}After.\n")
    return path


@pytest.fixture
def depends_on_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a project of its own, on which the rows of `on_file` depend."""
    file = tmp_path / "model.py"
    file.write_text("bounds = 1")
    monkeypatch.setattr(prove_runner.digest, "__defaults__", (tmp_path, prove_runner.PROVED))
    return file


def on_file(row: Row) -> Row:
    return replace(row, depends_on=("model.py",))


def row(folder: Path, name: str, test: str, limit_minutes: float = 1) -> Row:
    path = folder / f"test_{name}.py"
    path.write_text(test)
    return Row(name, f"does {name} things", (str(path),), limit_minutes)


def test_a_row_depends_on_what_its_tests_import_and_on_no_other_test() -> None:
    races = set(prove_runner.sources(next(row for row in prove_runner.ROWS if row.name == "races")))
    assert races >= {
        "proofs/integration/test_prove_races_votes.py",
        "proofs/flow/test_any_call.py",  # which that one imports
        "tests/flow/test_detours.py",  # which that one imports
        "proofs/prove_figures.py",
        "proofs/prove_goes_on.py",
        "proofs/conftest.py",
        "tests/local_stack.py",
    }
    others = ("proofs/unit/test_", "proofs/attacks/test_", "proofs/attacks/mutants")
    assert not [name for name in races if name.startswith(others)]
    for row in prove_runner.ROWS:
        found = prove_runner.sources(row)
        assert set(row.tests) <= {*found} and "proofs/prove_runner.py" not in found


def results(output: str) -> dict[str, str]:
    """The result of each row in the printed table."""
    cells = [line.split(" | ") for line in output.splitlines() if line.startswith("| ")]
    return {cell[0].strip("| "): cell[3] for cell in cells[1:]}


def test_a_table_whose_rows_all_hold_is_written_into_the_document(
    tmp_path: Path, document: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([], [row(tmp_path, "good", HOLDS)], document) == 0
    text = document.read_text()
    line = r"\| good \| does good things \| kills: 1,003, share: 0.25 \| holds \| \d+ \|"
    assert re.search(line, text)
    assert "old table" not in text
    assert text.startswith(f"Before.\n{BEGIN}") and text.endswith(f"{END}After.\n")
    assert re.search(r"`make prove` on \d{4}-\d\d-\d\d, commit \w+", text)
    assert "At one go, in 0 minutes." in text
    assert line in line and results(capfd.readouterr().out) == {"good": "holds"}


def test_what_does_not_hold_is_said_and_changes_the_exit_status(
    tmp_path: Path, document: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = document.read_text()
    rows = [
        row(tmp_path, "good", HOLDS),
        row(tmp_path, "bad", FAILS),
        row(tmp_path, "skipped", SKIPS),
        row(tmp_path, "silent", SAYS_NOTHING),
        row(tmp_path, "broken", BREAKS),
        row(tmp_path, "hanging", HANGS, 0.05),
        row(tmp_path, "before", FAILS_AND_HANGS, 0.5),
    ]
    assert main([], rows, document) == 1
    assert results(capfd.readouterr().out) == {
        "good": "holds",
        "bad": "FAILED: test_it",
        "skipped": "SKIPPED: no browser here",
        "silent": "NO FIGURES",
        "broken": "FAILED: test_broken.py",
        "hanging": "NOT DONE within 0.05 minutes",
        "before": "FAILED: test_it",
    }
    assert document.read_text() == before


REPLACES = """
import json
from prove_figures import record

def test_it():
    assert not hasattr(json, "replaced")
    json.replaced = True
    record("two files", files=1)
"""


def test_each_file_of_a_row_has_a_process_of_its_own(tmp_path: Path, document: Path) -> None:
    files = [row(tmp_path, name, REPLACES).tests[0] for name in ("first", "second")]
    assert main([], [Row("two files", "does two things", tuple(files), 1)], document) == 0
    assert "files: 2 | holds" in document.read_text()
    (tmp_path / "test_first.py").write_text(FAILS)
    assert main(["two-files"], [Row("two files", "x", tuple(files), 1)], document) == 1


COUNTS = """
from pathlib import Path
from prove_figures import record

def test_it():
    file = Path(__file__).with_suffix(".runs")
    file.write_text((file.read_text() if file.exists() else "") + "|")
    record("counted", runs=len(file.read_text()))
"""


@pytest.mark.parametrize(("changes", "runs"), [(False, 1), (True, 2)])
def test_a_run_that_was_stopped_goes_on_with_what_is_left_of_the_same_code(
    tmp_path: Path, document: Path, depends_on_a_file: Path, changes: bool, runs: int
) -> None:
    rows = [on_file(row(tmp_path, "counted", COUNTS)), on_file(row(tmp_path, "good", FAILS))]
    assert main([], rows, document) == 1
    rows[1] = on_file(row(tmp_path, "good", HOLDS))
    if changes:
        depends_on_a_file.write_text("bounds = 2")
    assert main([], rows, document) == 0
    assert f"runs: {runs} | holds" in document.read_text()
    assert ("At one go" in document.read_text()) == changes
    assert "kills: 1,003" in document.read_text(), "what did not hold before is proved now"
    assert main(["counted"], rows, document) == 0
    assert len((tmp_path / "test_counted.runs").read_text()) == runs + 1, "a row by its name runs"


LEFT = """
from pathlib import Path
from prove_figures import record

def test_first():
    file = Path(__file__).with_suffix(".runs")
    file.write_text((file.read_text() if file.exists() else "") + "|")
    record("left", first=1)

def test_second():
    record("left", second=1)
    assert SECOND
"""


@pytest.mark.parametrize(("changes", "runs"), [(False, 1), (True, 2)])
def test_a_long_row_goes_on_with_the_tests_that_are_left(
    tmp_path: Path, document: Path, depends_on_a_file: Path, changes: bool, runs: int
) -> None:
    def left(second: bool) -> Row:
        text = LEFT.replace("SECOND", str(second))
        return replace(on_file(row(tmp_path, "left", text)), goes_on=True)

    assert main(["left"], [left(False)], document) == 1
    if changes:
        depends_on_a_file.write_text("bounds = 2")
    assert main([], [left(True)], document) == 0
    assert len((tmp_path / "test_left.runs").read_text()) == runs
    assert re.search(r"first: 1, second: \d \| holds", document.read_text())
    assert "At one go" not in document.read_text()
    (tmp_path / "logs/left.json").unlink()
    assert main(["left"], [left(True)], document) == 0, "what held begins anew by its name"
    assert len((tmp_path / "test_left.runs").read_text()) == runs + 1


STARTS = """
from pathlib import Path
from prove_figures import record

def test_it():
    with (Path(__file__).parent / "started").open("a") as file:
        file.write(Path(__file__).stem + " ")
    record(Path(__file__).stem.removeprefix("test_"), starts=1)
"""


def test_the_longest_rows_start_first_and_the_table_keeps_its_order(
    tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove_runner, "AT_ONCE", 1)
    minutes = {"short": 1, "longest": 3, "long": 2}
    assert main([], [row(tmp_path, name, STARTS, m) for name, m in minutes.items()], document) == 0
    assert (tmp_path / "started").read_text() == "test_longest test_long test_short "
    assert re.findall(r"^\| (\w+) \| does", document.read_text(), re.M) == list(minutes)


def test_some_rows_alone_leave_the_document_as_it_is(tmp_path: Path, document: Path) -> None:
    before = document.read_text()
    rows = [row(tmp_path, "good", HOLDS), row(tmp_path, "bad", FAILS)]
    assert main(["good"], rows, document) == 0
    assert document.read_text() == before


def test_a_row_that_does_not_exist_is_an_error(
    document: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["kill-matrices"], prove_runner.ROWS, document) == 2
    assert "kill-matrix" in capfd.readouterr().err


# --- what the table is of ------------------------------------------------------------------------


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, without git, whose one row holds without a process of its own."""

    def holds(row: Row) -> Outcome:
        outcome = Outcome(row, "holds", 1, {"kills": 3})
        prove_runner._keep(outcome)
        return outcome

    monkeypatch.setattr(prove_runner, "run_row", holds)
    (tmp_path / "logs").mkdir()
    root = tmp_path / "project"
    (root / "src/agent").mkdir(parents=True)
    (root / "template.yaml").write_text("Resources: {}\n")
    (root / "src/agent/worker.py").write_text("a = 1\n")
    monkeypatch.setattr(prove_runner, "ROOT", root)
    monkeypatch.setattr(prove_runner.digest, "__defaults__", (root, prove_runner.PROVED))
    return root


GOOD = (Row("good", "does good things", ()),)


def is_stale(document: Path) -> bool:
    assert main(["--stale"], (), document) == 0
    return "src/ has changed since" in document.read_text()


def test_the_document_says_that_the_code_has_changed_since_its_table(
    document: Path, code: Path
) -> None:
    assert main([], GOOD, document) == 0
    written = document.read_text()
    assert not is_stale(document) and document.read_text() == written
    (code / "src/agent/worker.py").write_text("a = 2\n")
    assert is_stale(document)
    said = document.read_text()
    assert is_stale(document) and document.read_text() == said, "once"
    assert "| good | does good things |" in said
    assert main([], GOOD, document) == 0
    assert "src/ has changed since" not in document.read_text()


def test_code_that_is_as_it_was_is_told_so_again(document: Path, code: Path) -> None:
    assert main([], GOOD, document) == 0
    (code / "template.yaml").write_text("Resources: {A: {}}\n")
    assert is_stale(document)
    (code / "template.yaml").write_text("Resources: {}\n")
    assert not is_stale(document)


def test_the_digest_is_of_names_and_contents_and_of_nothing_that_is_left_there(code: Path) -> None:
    before = prove_runner.digest()
    for name in ("src/agent/__pycache__/worker.pyc", "src/.DS_Store", "tests/test_x.py"):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text("x")
    (code / "template.yaml").write_bytes(b"Resources: {}\r\n")
    assert prove_runner.digest() == before
    (code / "src/agent/worker.py").rename(code / "src/agent/other.py")
    renamed = prove_runner.digest()
    (code / "src/agent/new.py").touch()
    assert len({before, renamed, prove_runner.digest()}) == 3


def test_code_that_changed_while_it_was_proved_is_not_proved(
    document: Path, code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def edited_meanwhile(row: Row) -> Outcome:
        (code / "src/agent/worker.py").write_text("a = 3")
        return Outcome(row, "holds", 1)

    before = document.read_text()
    monkeypatch.setattr(prove_runner, "run_row", edited_meanwhile)
    assert main([], GOOD, document) == 1
    assert "has changed while the proofs ran" in capsys.readouterr().err
    assert document.read_text() == before


def test_without_git_other_code_is_proved_anew(
    document: Path, code: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove_runner, "code_facts", lambda: "commit unknown;")
    assert [main([], GOOD, document), main([], GOOD, document)] == [0, 0]
    assert "good: held before" in capsys.readouterr().out
    (code / "src/agent/worker.py").write_text("a = 4\n")
    assert main([], GOOD, document) == 0
    assert "good: held before" not in capsys.readouterr().out


def test_the_document_has_its_marks_and_every_row() -> None:
    text = prove_runner.DOCUMENT.read_text()
    assert text.index(BEGIN) < text.index(END)
    names = [row.name for row in prove_runner.ROWS]
    assert [name for name in names if not re.search(rf"^\| {name} \|", text, re.M)] == []


def test_every_row_has_its_tests() -> None:
    tests = [test for row in prove_runner.ROWS for test in row.tests]
    assert [test for test in tests if not (prove_runner.ROOT / test).exists()] == []
