"""Who may import whom, read from the source: the layers of the project, held by a test.

    handlers, the definition of agents, their tools        may import all below; no function another
    longrunning.agent                                     knows Strands; may import all below
    longrunning.deciding                                  what both APIs do with what people say
    longrunning.people, .human_approval, .ask_human       e-mails and links; the tools that ask
    longrunning.waits                                     the records of what is waited for
    longrunning.*                                         the ground: the standard library alone

Nothing imports what stands above it. No package knows the environment: handlers make the clients.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
LAYER_ROOT = SRC / "layer" / "python"
LAYER = LAYER_ROOT / "longrunning"
FUNCTIONS = sorted(
    folder for folder in SRC.iterdir() if folder.is_dir() and list(folder.glob("*_handler.py"))
)

PACKAGES = {"agent", "agent.scripted", "people", "waits"}

MAY_IMPORT: dict[str, set[str]] = {
    "ground": {"ground"},
    "waits": {"ground", "waits"},
    "people": {"ground", "people"},
    "human_approval": {"ground", "waits"},
    "ask_human": {"ground", "people", "human_approval"},
    "deciding": {"ground", "waits", "people", "ask_human"},
    "agent.scripted": {"agent.scripted"},
    "agent": {
        "ground",
        "waits",
        "people",
        "human_approval",
        "ask_human",
        "agent",
        "agent.scripted",
    },
}
"""Of the layer's own packages, at run time. The tools that ask, and what is done with what a person
says, are modules that stand by themselves."""

MAY_IMPORT_FOR_TYPES = {"people": {"waits"}}
"""What a package may know beyond that, while types are checked."""

KNOWS_OUTSIDE = {
    "agent": {"botocore", "jsonschema", "pydantic", "strands"},
    "agent.scripted": {"jsonschema", "pydantic", "strands"},
}
"""What a package may import from outside the project: all else takes the standard library alone."""

KNOWS_X_RAY = "longrunning.tracing"
"""Only once it is enabled."""

FOR_ADOPTERS = {
    "longrunning.agent.calls",
    "longrunning.agent.conversation_window",
    "longrunning.agent.definition",
    "longrunning.agent.gate",
    "longrunning.agent.long_running",
    "longrunning.ask_human",
    "longrunning.human_approval",
    "longrunning.people.links",
    "longrunning.sessions",
    "longrunning.waits.item",
}
"""What the definition of an agent is made of; `SCRIPTED` only once it is asked for."""

SCRIPTED = "longrunning.agent.scripted.model"

FOR_TOOLS = {
    "longrunning.agent.conversation",
    "longrunning.agent.definition",
    "longrunning.agent.gate",
    "longrunning.agent.long_running",
    "longrunning.agent.scripted.reading",
    "longrunning.messages",
    "longrunning.sessions",
    "longrunning.waits.item",
}
"""What tools and other agents are made of."""

ENVIRONMENT_READERS = {
    "agent_handler", "approval_services", "inbox_services", "operator_services",
    "sweeper_handler", "unitok_handler",
}  # fmt: skip
"""Each inside functions, at the first event: never at import."""

ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "putenv"}


@dataclass(frozen=True)
class Import:
    """One import statement: the module's full name, and whether it runs at import time."""

    name: str
    at_import: bool
    for_types: bool = False

    @property
    def root(self) -> str:
        """The top-level package."""
        return self.name.partition(".")[0]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file; `from longrunning.waits import item` counts as that module."""
    return tuple(_imports(tree(path), at_import=True, for_types=False))


def _imports(node: ast.AST, *, at_import: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, at_import, for_types) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute, as in Lambda"
            yield from (Import(name, at_import, for_types) for name in _modules_of(child))
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            is_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from _imports(
                child, at_import=at_import and not is_function, for_types=for_types or is_types
            )


def _modules_of(statement: ast.ImportFrom) -> Iterator[str]:
    module = statement.module or ""
    for alias in statement.names:
        name = f"{module}.{alias.name}"
        yield name if name in LAYER_MODULES else module


def modules(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.py"))}


def layer_modules() -> dict[str, Path]:
    """Every module of the layer by its full name; a package's own is called as the package."""
    found = {}
    for path in sorted(LAYER.rglob("*.py")):
        parts = path.relative_to(LAYER_ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def package_of(module: str) -> str:
    """Returns the package of one of the layer's modules, as `MAY_IMPORT` names it."""
    name = module.removeprefix("longrunning").removeprefix(".")
    if name in {"human_approval", "ask_human", "deciding", *PACKAGES}:
        return name
    return name.rpartition(".")[0] or "ground"


def of_layer(path: Path, *, for_types: bool = False) -> set[str]:
    """The layer's modules that a file imports at run time, or for types alone."""
    found = [i for i in imports(path) if i.root == "longrunning" and i.for_types == for_types]
    return {i.name for i in found}


def check_no_circle(graph: Mapping[str, set[str]]) -> None:
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys()}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


LAYER_MODULES = layer_modules()
FUNCTION_MODULES = [path for folder in FUNCTIONS for path in modules(folder).values()]
of_the_layer = pytest.mark.parametrize("module", LAYER_MODULES)
of_functions = pytest.mark.parametrize(
    "path", FUNCTION_MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


# --- the layer -----------------------------------------------------------------------------------


def test_every_package_of_the_layer_has_its_place() -> None:
    assert {package_of(module) for module in LAYER_MODULES} == MAY_IMPORT.keys()
    folders = {path.parent.relative_to(LAYER) for path in LAYER.rglob("*.py")} - {Path()}
    assert {".".join(folder.parts) for folder in folders} == PACKAGES


@of_the_layer
def test_packages_of_the_layer_import_one_another_one_way(module: str) -> None:
    path, package = LAYER_MODULES[module], package_of(module)
    assert {package_of(name) for name in of_layer(path)} <= MAY_IMPORT[package]
    known = MAY_IMPORT[package] | MAY_IMPORT_FOR_TYPES.get(package, set())
    assert {package_of(name) for name in of_layer(path, for_types=True)} <= known


@of_the_layer
def test_nothing_outside_the_agent_package_imports_it(module: str) -> None:
    if not package_of(module).startswith("agent"):
        names = {i.name for i in imports(LAYER_MODULES[module])}
        assert not {name for name in names if name.startswith("longrunning.agent")}


def test_no_module_of_the_layer_imports_itself_in_a_circle() -> None:
    check_no_circle({name: of_layer(path) - {name} for name, path in LAYER_MODULES.items()})


@of_the_layer
def test_only_the_agent_package_takes_more_than_the_standard_library(module: str) -> None:
    roots = {i.root for i in imports(LAYER_MODULES[module])}
    outside = roots - sys.stdlib_module_names - {"longrunning"}
    if module == KNOWS_X_RAY:
        assert outside == {"aws_xray_sdk"}
    else:
        assert outside <= KNOWS_OUTSIDE.get(package_of(module), set())


@of_the_layer
def test_the_layer_imports_nothing_of_a_function(module: str) -> None:
    of_any_function = {path.stem for path in FUNCTION_MODULES}
    assert not {i.root for i in imports(LAYER_MODULES[module])} & of_any_function


@of_the_layer
def test_the_layer_never_reads_the_environment(module: str) -> None:
    assert "os" not in {i.root for i in imports(LAYER_MODULES[module])}


@of_the_layer
def test_the_layer_makes_no_client(module: str) -> None:
    names = {i.name for i in imports(LAYER_MODULES[module]) if i.root in ("boto3", "botocore")}
    assert names <= {"botocore.exceptions"}


def test_x_ray_is_imported_only_once_it_is_enabled() -> None:
    sdk = [i for i in imports(LAYER_MODULES[KNOWS_X_RAY]) if i.root == "aws_xray_sdk"]
    assert sdk
    assert not [i for i in sdk if i.at_import and not i.for_types]


def test_the_agent_asks_what_its_package_is_for_before_it_imports_anything_else() -> None:
    """The import of a binary for another Python would end it without a word of why."""
    _docstring, asks, check, *_ = tree(SRC / "agent" / "agent_handler.py").body
    assert ast.unparse(asks) == "from longrunning.built_for import wrong_package"
    assert ast.unparse(check).splitlines() == [
        "if (wrong := wrong_package(__file__)):",
        "    raise wrong",
    ]
    assert not of_layer(LAYER / "built_for.py")


# --- the functions -------------------------------------------------------------------------------


def test_every_function_has_one_handler() -> None:
    assert len(FUNCTIONS) >= 3
    for folder in FUNCTIONS:
        (handler,) = folder.glob("*_handler.py")
        names = [node.name for node in tree(handler).body if isinstance(node, ast.FunctionDef)]
        assert "handler" in names


def test_module_names_are_unique_across_functions_and_shadow_nothing() -> None:
    """Each function is flat at /var/task, and the tests have all of them on one path."""
    names = [path.stem for path in FUNCTION_MODULES]
    assert len(names) == len(set(names))
    outside = {i.root for path in FUNCTION_MODULES for i in imports(path)} - set(names)
    assert not set(names) & (sys.stdlib_module_names | outside | {"longrunning"})


@of_functions
def test_a_function_imports_nothing_from_another_one(path: Path) -> None:
    own = modules(path.parent).keys()
    others = {p.stem for p in FUNCTION_MODULES} - own
    assert not {i.root for i in imports(path)} & others


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda folder: folder.name)
def test_no_module_of_a_function_imports_itself_in_a_circle(folder: Path) -> None:
    own = modules(folder)
    check_no_circle({name: {i.root for i in imports(p)} & own.keys() for name, p in own.items()})


def test_nothing_imports_a_handler() -> None:
    handlers = {path.stem for path in FUNCTION_MODULES if path.stem.endswith("_handler")}
    everything = [*FUNCTION_MODULES, *LAYER_MODULES.values()]
    assert not {i.root for path in everything for i in imports(path)} & handlers


def test_the_definition_of_the_agents_knows_only_what_is_for_adopters() -> None:
    known = [i for i in imports(SRC / "agent" / "agent_definition.py") if i.root == "longrunning"]
    assert {i.name for i in known if i.name != SCRIPTED} <= FOR_ADOPTERS
    assert not [i for i in known if i.name == SCRIPTED and i.at_import]


@of_functions
def test_tools_know_nothing_of_how_the_agent_pauses(path: Path) -> None:
    if path.parent.name == "agent" and path.stem not in ("agent_handler", "agent_definition"):
        assert of_layer(path) <= FOR_TOOLS


@of_functions
def test_only_the_agent_function_knows_the_agent_package(path: Path) -> None:
    if path.parent.name != "agent":
        known = of_layer(path) | of_layer(path, for_types=True)
        assert not {name for name in known if name.startswith("longrunning.agent")}


@of_functions
def test_only_the_agent_function_knows_strands(path: Path) -> None:
    if path.parent.name != "agent":
        assert "strands" not in {i.root for i in imports(path)}


@of_functions
def test_the_environment_is_read_in_handlers_and_never_at_import(path: Path) -> None:
    reads = [node for node in ast.walk(tree(path)) if _is_environment(node)]
    assert not (reads and path.stem not in ENVIRONMENT_READERS)
    assert not [node for node in _run_at_import(tree(path)) if _is_environment(node)]


@of_functions
def test_no_client_is_made_at_import(path: Path) -> None:
    calls = [node for node in _run_at_import(tree(path)) if isinstance(node, ast.Call)]
    made = [call for call in calls if ast.unparse(call.func).startswith(("boto3.", "botocore."))]
    assert not made


def _is_environment(node: ast.AST) -> bool:
    """However it is spelled: as an attribute, or imported by name."""
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return bool({alias.name for alias in node.names} & ENVIRONMENT_NAMES)
    is_attribute = isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES
    return is_attribute and ast.unparse(node).startswith("os.")


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Everything but the bodies of functions; their defaults and decorators run too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in (*child.decorator_list, child.args):
                yield from ast.walk(part)
        elif not isinstance(child, ast.Lambda):
            yield child
            yield from _run_at_import(child)
