"""Each guard in the code is switched off, one at a time, and the test that watches it must fail.

In copies of the project, never in the project itself. The tables are in `mutants*.py`; a guard
that somebody rewrote, or moved to another function, is noticed here, so that the tables stay about
the code that there is.
"""

import ast
import os
import queue
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

import prove_sample
from code_places import file_of, is_same_module
from code_trees import written
from mutants import Mutant
from mutants_agent import AGENT
from mutants_api import API
from mutants_ends import ENDS
from mutants_inbox import INBOX
from mutants_letters import LETTERS
from mutants_local import LOCAL
from mutants_misbehaviour import MISBEHAVIOUR
from mutants_model import MODEL
from mutants_oidc import OIDC
from mutants_operators import OPERATORS
from mutants_people import PEOPLE
from mutants_protocol import PROTOCOL
from mutants_sweeper import SWEEPER
from mutants_template import TEMPLATE
from mutants_waits import WAITS
from protocol.guards import GUARDS
from protocol.votes_guards import VOTE_GUARDS
from protocol.waits_guards import WAIT_GUARDS
from prove_figures import progress, record
from warm_python import WarmPython

ROOT = Path(__file__).parents[2]
MUTANTS = (
    *PROTOCOL,
    *MODEL,
    *AGENT,
    *ENDS,
    *WAITS,
    *LETTERS,
    *PEOPLE,
    *INBOX,
    *OPERATORS,
    *OIDC,
    *API,
    *SWEEPER,
    *LOCAL,
    *MISBEHAVIOUR,
    *TEMPLATE,
)
SHORT_FORM = 15
AT_ONCE = 2
LIMIT_SECONDS = 240
OURS = ("PROVE", "PYTEST")
"""What a test run says to itself, in its environment."""

LEFT_OUT = (".*", "__pycache__", "node_modules")


class Copy:
    """A copy of the project, in which a guard can be switched off."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._written = 0
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*LEFT_OUT))
        env = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._python = WarmPython(root, env)

    @contextmanager
    def without(self, mutant: Mutant) -> Iterator[None]:
        """Switches one guard off, and on again."""
        with self._instead(mutant.path(self._root), mutant.switched_off(self._root)):
            yield

    @contextmanager
    def laid_out_anew(self, modules: set[str]) -> Iterator[None]:
        """Writes modules as their mutants are written, with every guard still on."""
        with ExitStack() as stack:
            for module in modules:
                path = file_of(self._root, module)
                stack.enter_context(self._instead(path, written(ast.parse(path.read_text()))))
            yield

    @contextmanager
    def _instead(self, path: Path, code: str) -> Iterator[None]:
        before = path.read_text()
        self._write(path, code)
        try:
            yield
        finally:
            self._write(path, before)

    def _write(self, path: Path, code: str) -> None:
        """Python compiles anew what has another time, in whole seconds: so each write has one."""
        path.write_text(code)
        self._written += 2
        os.utime(path, (self._written, self._written))

    def run(self, *tests: str) -> tuple[int, str]:
        """Runs tests in a process of their own, in their short form.

        Returns:
            Pytest's exit status, and what it said.
        """
        return self._python.pytest(["-q", "-rfE", "-p", "no:cacheprovider", *tests], LIMIT_SECONDS)

    def end(self) -> None:
        """Takes it away."""
        self._python.end()
        shutil.rmtree(self._root)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator["queue.SimpleQueue[Copy]"]:
    """As many copies as there are mutants at a time."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    made = [Copy(tmp_path_factory.mktemp("copy") / "project") for _ in range(AT_ONCE)]
    for copy in made:
        free.put(copy)
    yield free
    for copy in made:
        copy.end()


@pytest.fixture(scope="module")
def chosen() -> list[Mutant]:
    """All mutants, or some of them."""
    return prove_sample.chosen(MUTANTS, SHORT_FORM)


def test_every_guard_is_there_exactly_once() -> None:
    stale = [said for mutant in MUTANTS if (said := _stale(mutant))]
    assert not stale, "\n".join(stale)


def _stale(mutant: Mutant) -> str:
    """Returns what is wrong with a mutant, and nothing if it fits the code."""
    try:
        found = mutant.matches(ROOT)
    except (LookupError, OSError, SyntaxError) as error:
        return f"{mutant.name}, in {mutant.where}: {error}"
    if found != 1:
        return f"{mutant.name}, in {mutant.where}: {found} times, not once: {mutant.old}"
    return f"{mutant.name}: changes nothing" if mutant.old == mutant.new else ""


@pytest.mark.parametrize("name", [*GUARDS, *WAIT_GUARDS, *VOTE_GUARDS])
def test_every_guard_of_the_model_is_switched_off_in_the_code_too(name: str) -> None:
    """The model takes it away and shows what breaks; in the code a test has to notice."""
    guard = (GUARDS | WAIT_GUARDS | VOTE_GUARDS)[name]
    off = [m.name for m in MUTANTS if _stands_in(m, guard.where) and _is_of(m, guard.text)]
    assert off, f"no mutant of {guard.where}: {guard.text}"


def _stands_in(mutant: Mutant, where: str) -> bool:
    """Whether a mutant is in the function in which one of the model's guards is."""
    module, _, name = mutant.where.partition(":")
    of_guard, _, function = where.partition(":")
    return is_same_module(module, of_guard) and name == function


def _is_of(mutant: Mutant, text: str) -> bool:
    """Whether a mutant is about a part of a guard: takes it away, or puts it where it is wrong."""
    old, new = _compact(mutant.old), _compact(mutant.new)
    parts = [_compact(part.removeprefix("if ")) for part in text.split(" … ")]
    return any(part in old or old in part or part in new for part in parts)


def _compact(code: str) -> str:
    return re.sub(r"[\s\"]+", "", code)


def test_every_mutant_has_a_name_of_its_own_and_is_like_no_other() -> None:
    assert len({(m.module(), m.name) for m in MUTANTS}) == len(MUTANTS) > 60
    changed = [m for m in MUTANTS if m not in MISBEHAVIOUR]
    assert len({(m.where, m.old, m.new) for m in changed}) == len(changed)


def test_every_guard_is_watched_by_a_test_that_ci_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = "".join(re.findall(r"^(?:test|proofs):.*\n((?:\t.*\n)+)", makefile, re.M))
    folders = tuple(f"{folder}/" for folder in re.findall(r"\bproofs/\w+|\btests\b", recipes))
    assert [m.killer for m in MUTANTS if not m.killer.startswith(folders)] == []
    unknown = []
    for mutant in MUTANTS:
        file, _, test = mutant.killer.partition("::")
        if test.rpartition("::")[2].partition("[")[0] not in functions_in(file):
            unknown.append(mutant.killer)
    assert unknown == []


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_tests_pass_while_every_guard_is_on(
    copies: "queue.SimpleQueue[Copy]", chosen: list[Mutant]
) -> None:
    copy = copies.get()
    with copy.laid_out_anew({mutant.module() for mutant in chosen if mutant.is_code()}):
        status, said = copy.run(*{mutant.killer for mutant in chosen})
    copies.put(copy)
    assert status == 0, said[-3_000:]


def test_no_guard_can_be_switched_off_unnoticed(
    copies: "queue.SimpleQueue[Copy]", chosen: list[Mutant]
) -> None:
    def switch_off(mutant: Mutant) -> str:
        copy = copies.get()
        try:
            with copy.without(mutant):
                return fate_of(mutant, copy)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        fates = threads.map(switch_off, chosen)
        unnoticed = [fate for fate in progress(fates, len(chosen), "guard mutants") if fate]
    assert unnoticed == [], "\n".join(unnoticed)
    record(
        "guard mutants",
        guards=len(MUTANTS) - len(MISBEHAVIOUR),
        misbehaving_models_and_clocks=len(MISBEHAVIOUR),
        switched_off=len(chosen),
        survivors=0,
    )


def fate_of(mutant: Mutant, copy: Copy) -> str:
    """Nothing if the test has failed, as it must; else what happened."""
    try:
        status, said = copy.run(mutant.killer)
    except subprocess.TimeoutExpired:
        return f"{mutant.name}: {mutant.killer} hangs"
    if status == pytest.ExitCode.TESTS_FAILED:
        return ""
    ended = said.strip().splitlines()[-1:]
    return f"{mutant.name}: {mutant.killer} ended with {status}, {ended}"
