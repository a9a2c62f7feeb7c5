"""`make prove`: every proof in its long form, two at a time, and a table of what they showed.

    python proofs/prove_runner.py               all rows; if they hold, docs/reliability.md is new
    python proofs/prove_runner.py links page    some rows; the document stays as it is
    python proofs/prove_runner.py --stale       none; the document says if src/ has changed since

A row holds if its tests pass within its time, none of them was skipped, and it reported figures.
Anything else is said in the table and makes the exit status 1.

A run that was stopped goes on where it was: what held is not proved again of the same code and the
same tests, with the same versions; of the longest rows, no test that has passed. What a model's
exploration came to depends on the model alone, so that it stays until proofs/protocol changes.
`rm -r .local/prove` starts anew.
"""

import ast
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/reliability.md"
LOGS = ROOT / ".local/prove"
BEGIN, END = "<!-- begin: written by make prove -->\n", "<!-- end: written by make prove -->\n"

PROVED = ("src", "template.yaml")
"""What the proofs are about, and what the table's digest is of."""
DIGEST = re.compile(r"<!-- SHA-256 of src/ and template.yaml: ([0-9a-f]{64}) -->\n")
STALE = (
    "**src/ has changed since this run**: what the table says is of the commit named in it, not of "
    "the code\nbeside this page.\n\n"
)

RUNS_IT = (*PROVED, "local", "operate", "testkit", "requirements", "pyproject.toml")
"""What decides whether a proof holds, beside its tests and what those import."""

CODE = (*RUNS_IT, "tests", "proofs")
"""The same with all tests: of a proof that runs any of them."""

VERSIONS = ("strands-agents", "botocore", "hypothesis", "playwright", "pytest")
GOES_ON = "proofs/prove_goes_on.py"
TAIL_LINES = 30
NO_TESTS_LEFT = 5
"""Pytest's exit status where all have passed before."""
AT_ONCE = 2
WITH_CHANGES = "with changes"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    what: str
    """What the tests do, for the table."""
    tests: tuple[str, ...]
    limit_minutes: float = 20
    """When a proof that hangs is ended."""
    alone: bool = False
    """Whether it measures time, so that nothing else may run beside it."""
    depends_on: tuple[str, ...] = ()
    """Files and folders that decide what comes out; none: as `sources` finds them."""
    goes_on: bool = False
    """Whether its tests record figures each for itself, so that a stopped row goes on with those
    that are left."""

    @property
    def word(self) -> str:
        """How it is named on the command line."""
        return self.name.replace(" ", "-")


@dataclass(frozen=True)
class Outcome:
    """What became of a row."""

    row: Row
    result: str
    """`holds`, or what is wrong."""
    seconds: float
    figures: dict[str, float | str] = field(default_factory=dict)
    day: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))

    @property
    def holds(self) -> bool:
        """Whether all of it is proved."""
        return self.result == "holds"


MODELS = ("proofs/protocol", "proofs/prove_figures.py")
"""All that the explorations run. `make proofs` compares models and code, on every commit."""

ROWS = (
    Row("protocol model", "the write protocol as explicit states, to exhaustion; then without each "
        "guard", ("proofs/protocol/test_prove_model.py",), 180, depends_on=MODELS,
        goes_on=True),
    Row("waits model", "the same of waits whose source is asked, callbacks, and agents that ask "
        "agents", ("proofs/protocol/test_prove_waits_model.py",), 100, depends_on=MODELS,
        goes_on=True),
    Row("votes model", "the same of several people who must agree, and edit between their votes",
        ("proofs/protocol/test_prove_votes_model.py",), 60, depends_on=MODELS,
        goes_on=True),
    Row("kill matrix", "the process dies before and after each AWS call, once and twice, and by a "
        "real SIGKILL",
        ("proofs/attacks/test_prove_kill_matrix.py", "proofs/attacks/test_prove_kill_votes.py",
         "proofs/integration/test_prove_sigkill.py"), 90),
    Row("guard mutants", "each guard in the code is switched off, and its test must fail",
        ("proofs/attacks/test_prove_mutants.py",), 60, depends_on=CODE),
    Row("state machine", "random walks of tasks, clicks, sweeps, crashes and clock steps",
        ("proofs/attacks/test_prove_state_machine.py",), 120),
    Row("races", "many clicks, sweeper and workers at once, on the emulator",
        ("proofs/integration/test_prove_races.py", "proofs/integration/test_prove_races_votes.py",
         "proofs/integration/test_prove_races_deadlines.py"), 240, goes_on=True),
    Row("faults", "AWS calls throttled, timed out, or done with the reply lost",
        ("proofs/attacks/test_prove_faults.py",), 40),
    Row("malformed input", "generated queue messages and HTTP requests",
        ("proofs/attacks/test_prove_malformed.py",), 40),
    Row("links", "every bit flipped, expiry, other sessions, old and rotated keys",
        ("proofs/attacks/test_prove_links.py",)),
    Row("scanners", "GET, HEAD and OPTIONS of both links, as mail scanners send them",
        ("proofs/attacks/test_prove_scanners.py",)),
    Row("page", "hostile contents in headless Chromium, from the question to the post",
        ("proofs/browser/test_prove_page.py",), 40),
    Row("secrets", "every log line, metric and trace of a full run, searched for what was marked",
        ("proofs/attacks/test_prove_secrets.py", "proofs/integration/test_prove_secrets.py")),
    Row("load", "sessions through the local stack, counted by the ledger",
        ("proofs/integration/test_prove_load.py",), 120, alone=True),
)  # fmt: skip


def main(words: Sequence[str], rows: Sequence[Row] = ROWS, document: Path = DOCUMENT) -> int:
    """Runs rows, prints the table, and returns the exit status.

    Args:
        words: Which rows; none for all. Or `--stale` alone.
        rows: All there are.
        document: What is rewritten when all rows hold.
    """
    if list(words) == ["--stale"]:
        print("It has changed." if tell_whether_stale(document) else "It is the code of the table.")
        return 0
    by_word = {row.word: row for row in rows}
    if unknown := [word for word in words if word not in by_word]:
        print(f"No row {', '.join(unknown)}. There are: {', '.join(by_word)}", file=sys.stderr)
        return 2
    chosen = [by_word[word] for word in words] or list(rows)
    proved, code, started = digest(), code_facts(), time.monotonic()
    kept = {} if words else kept_outcomes(rows)
    is_one_go = not kept and not any(LOGS.glob("*.parts/passed"))
    left = [row for row in chosen if row.name not in kept]
    # The longest first: a long one at the end would run alone.
    together = sorted((r for r in left if not r.alone), key=lambda r: r.limit_minutes, reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as lanes:
        done = list(lanes.map(lambda row: run_row(row), together))
    done += [run_row(row) for row in left if row.alone]
    found = kept | {outcome.row.name: outcome for outcome in done}
    outcomes = [found[row.name] for row in chosen]
    days = " to ".join(sorted({outcome.day for outcome in outcomes}))
    minutes = (time.monotonic() - started) / 60
    span = f" At one go, in {minutes:.0f} minutes." if is_one_go else ""
    text = f"`make prove` on {days}, {code}{span}\n\n{table(outcomes)}"
    print(f"\n{text}", flush=True)
    if not all(outcome.holds for outcome in outcomes):
        print("Not every row holds.", file=sys.stderr)
        return 1
    if digest() != proved:
        print("src/ has changed while the proofs ran: run them again.", file=sys.stderr)
        return 1
    if not words:
        write(document, f"<!-- SHA-256 of src/ and template.yaml: {proved} -->\n{text}")
    return 0


def digest(root: Path = ROOT, names: Sequence[str] = PROVED) -> str:
    """Returns the SHA-256 of what is proved, or of other files: their names and contents.

    Without git, which a release has not, and without what Python or an editor leaves there.
    """
    files = [path for name in names for path in [root / name, *(root / name).rglob("*")]]
    found = hashlib.sha256()
    for path in sorted(file for file in files if file.is_file()):
        name = path.relative_to(root)
        if not any(part.startswith((".", "__pycache__")) for part in name.parts):
            content = path.read_bytes().replace(b"\r\n", b"\n")
            found.update(f"{name.as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def tell_whether_stale(document: Path) -> bool:
    """Has a document say, or no longer say, that the code has changed since its table.

    Raises:
        ValueError: The document has no digest, or no table.
    """
    text = document.read_text().replace(STALE, "")
    named = DIGEST.search(text)
    if named is None:
        raise ValueError(f"{document.name}: expected the digest of what was proved")
    is_stale = named[1] != digest()
    after = STALE if is_stale else ""
    document.write_text(f"{text[: named.end()]}{after}{text[named.end() :]}")
    return is_stale


def _proved_of(row: Row) -> str:
    """Says of what an outcome holds: versions, and what the row depends on, byte for byte."""
    return f"{_versions()} {digest(names=row.depends_on or (*RUNS_IT, *sources(row)))}"


def sources(row: Row, root: Path = ROOT) -> list[str]:
    """Returns the tests of a row and what they import of tests and proofs, one from the other.

    A module is known by the last part of its name: where two have the same, both count. What is no
    test and lies beside the row's tests, or in `proofs`, counts in any case: it may be run by its
    path. So does what holds no Python, and what all tests share.
    """
    files = [path for folder in ("proofs", "tests") for path in (root / folder).rglob("*.*")]
    files = [path for path in files if "__pycache__" not in path.parts and path.is_file()]
    modules = {path for path in files if path.suffix == ".py"}
    found = {*files} - modules
    left = [root / test for test in (*row.tests, GOES_ON)]
    beside = {root / "proofs", *(path.parent for path in left)}
    left += [
        path
        for path in modules
        if path.name == "conftest.py"
        or (
            path.parent in beside and not path.name.startswith(("test_", "mutants", "prove_runner"))
        )
    ]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            names = _imported(path)
            left += [module for module in modules if module.stem in names]
    here = (path for path in found if path.is_relative_to(root))
    return sorted(path.relative_to(root).as_posix() for path in here)


def _imported(path: Path) -> set[str]:
    """Returns every part of every name that a module imports, or imports something from."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.update((node.module or "").split("."), (alias.name for alias in node.names))
        elif isinstance(node, ast.Import):
            names.update(part for alias in node.names for part in alias.name.split("."))
    return names


def kept_outcomes(rows: Sequence[Row]) -> dict[str, Outcome]:
    """Returns what held before of the very same code, by the name of the row."""
    kept: dict[str, Outcome] = {}
    for row in rows:
        file = LOGS / f"{row.word}.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        if found.pop("code", "") == _proved_of(row):
            kept[row.name] = Outcome(row, **found)
            print(f"{row.name}: held before, {found['seconds']:.0f} s", flush=True)
    return kept


def _keep(outcome: Outcome) -> None:
    facts = asdict(outcome)
    del facts["row"]
    facts["code"] = _proved_of(outcome.row)
    (LOGS / f"{outcome.row.word}.json").write_text(json.dumps(facts))


def run_row(row: Row) -> Outcome:
    """Runs the tests of a row in a process of their own, and ends it when its time is over."""
    print(f"{row.name}: {row.what} ...", flush=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log, parts = LOGS / f"{row.word}.log", _parts(row)
    seconds = _seconds(parts)
    started = time.monotonic()
    status = _run_tests(row, log, parts)
    seconds += time.monotonic() - started
    found = _figures(parts / "figures", row)
    result = _result(row, status, log.read_text(errors="replace"), found)
    if result != "holds":
        print("\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:]))
    print(f"{row.name}: {result}, {seconds:.0f} s", flush=True)
    outcome = Outcome(row, result, seconds, found)
    if outcome.holds:
        _keep(outcome)
        shutil.rmtree(parts)
    return outcome


def _parts(row: Row) -> Path:
    """Returns the folder in which the tests of a row leave their figures, and that they passed.

    For a row that goes on it is the one of the last time, if that was of the same code.
    """
    folder = LOGS / f"{row.word}.parts"
    code = folder / "code"
    if not (row.goes_on and code.exists() and code.read_text() == _proved_of(row)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        code.write_text(_proved_of(row))
    return folder


def _seconds(parts: Path) -> float:
    """How long those took that have passed before."""
    passed = parts / "passed"
    return sum(float(line.split()[0]) for line in passed.read_text().splitlines()) if (
        passed.exists()) else 0  # fmt: skip


def _run_tests(row: Row, log: Path, parts: Path) -> int | None:
    """Returns pytest's exit status; None if the time was over. What it says goes to a file.

    Each file or folder has a process of its own: what runs on an AWS in memory replaces clients.
    """
    # Not pytest's capture of file descriptors: the lines that tell how far a proof is are for us.
    # The first failure ends a row: it is told at once, and no time limit can hide it.
    command = [sys.executable, "-m", "pytest", "-ra", "-x", "--capture=sys"]
    env = os.environ | {"PROVE": "long", "PROVE_FIGURES": str(parts / "figures")}
    if row.goes_on:
        command += ["-p", "prove_goes_on"]
        env |= {"PROVE_PASSED": str(parts / "passed"), "PYTHONPATH": str(Path(__file__).parent)}
    ends_at = time.monotonic() + row.limit_minutes * 60
    status: int | None = 0
    with log.open("w") as file:
        for tests in row.tests:
            process = subprocess.Popen(
                [*command, tests], cwd=ROOT, env=env, stdout=file, start_new_session=True
            )
            try:
                status = process.wait(max(0, ends_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
            if status == NO_TESTS_LEFT and (parts / "passed").exists():
                status = 0
            if status != 0:
                return status
    return status


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what a proof may have left running: its session is its own."""
    for number, patience_seconds in ((signal.SIGINT, 60), (signal.SIGKILL, 20)):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                continue


def _result(row: Row, status: int | None, log: str, figures: dict[str, float | str]) -> str:
    if status is None:
        return f"NOT DONE within {row.limit_minutes:g} minutes"
    if status:
        failed = re.findall(r"^(?:FAILED|ERROR) (?:\S*(?:::|/))?([\w.]+)", log, re.M)
        return f"FAILED: {', '.join(dict.fromkeys(failed)) or f'pytest ended with {status}'}"
    if skipped := re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", log, re.M):
        return f"SKIPPED: {'; '.join(dict.fromkeys(skipped))}"
    return "holds" if figures else "NO FIGURES"


def _figures(file: Path, row: Row) -> dict[str, float | str]:
    """What the tests of a row recorded, all of it in one; what several of them counted is added."""
    lines = file.read_text().splitlines() if file.exists() else []
    found: dict[str, float | str] = {}
    for record in map(json.loads, lines):
        if record.pop("row") == row.name:
            for name, value in record.items():
                before = found.get(name)
                is_count = isinstance(value, int) and isinstance(before, int)
                found[name] = before + value if is_count else value
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Returns the table as Markdown."""
    lines = ["| Proof | What was done | Figures | Result | Seconds |", "|---|---|---|---|---:|"]
    for outcome in outcomes:
        row = outcome.row
        figures = ", ".join(_figure(*item) for item in outcome.figures.items())
        cells = (row.name, row.what, figures, outcome.result, f"{outcome.seconds:,.0f}")
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _figure(name: str, value: float | str) -> str:
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(
        value, float) else value  # fmt: skip
    return f"{name.replace('_', ' ')}: {shown}"


def code_facts() -> str:
    """Says what code this is, with which versions, and on what kind of machine it runs."""
    return (
        f"commit {_commit()}; "
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, {_versions()}."
    )


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"Python {platform.python_version()}; {packages}"


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{commit} {WITH_CHANGES}" if _git("status", "--porcelain") else commit


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip()


def write(document: Path, text: str) -> None:
    """Puts the table between its two marks.

    Raises:
        ValueError: The document does not have the marks, in their order.
    """
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document.name}: expected the two marks of the table")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
