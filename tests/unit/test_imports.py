"""Who may import whom, read from the source: the layers of the project, held by a test.

    handler → worker → agent_definition → longrunning      one way, and nothing back

The layer knows neither Strands nor AWS, nor the environment: handlers make the clients.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
LAYER = SRC / "layer" / "python" / "longrunning"
FUNCTIONS = sorted(
    folder for folder in SRC.iterdir() if folder.is_dir() and list(folder.glob("*_handler.py"))
)

MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "built_for": set(),
    "wrappings": set(),
    "messages": {"wrappings"},
    "codec": set(),
    "text": set(),
    "http": {"text"},
    "links": set(),
    "observability": set(),
    "tracing": set(),
    "human_approval": {"messages", "timeouts"},
    "timeouts": set(),
    "approval_item": {"codec", "messages"},
    "approval_table": {"approval_item", "codec"},
    "approvals": {"approval_item", "approval_table", "codec"},
    "effects": {"approval_item"},
    "open_approvals": {"approval_item", "approval_table", "codec"},
    "sessions": {"codec", "observability"},
    "email_parts": {"text"},
    "emails": {"email_parts"},
    "pace": set(),
    "shared_pace": {"pace"},
    "notifications": {"emails", "links", "pace"},
}
"""Of the layer's own modules, at run time. A new module needs a line here, on purpose."""

KNOWS_OUTSIDE = {"tracing": {"aws_xray_sdk"}}
"""All else in the layer takes the standard library alone."""

ENVIRONMENT_READERS = {
    "agent_handler", "approval_services", "operator_services", "sweeper_handler", "unitok_handler"
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


def imports(path: Path) -> list[Import]:
    """Every import of a file; `from longrunning import x` counts as `longrunning.x`."""
    return list(_imports(tree(path), at_import=True, for_types=False))


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
        yield f"{module}.{alias.name}" if module == "longrunning" else module


def modules(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.py"))}


def of_layer(path: Path) -> set[str]:
    """The layer's modules that a file imports at run time."""
    found = [i for i in imports(path) if i.root == "longrunning" and not i.for_types]
    return {i.name.split(".")[1] if "." in i.name else "__init__" for i in found}


FUNCTION_MODULES = [path for folder in FUNCTIONS for path in modules(folder).values()]
by_name = pytest.mark.parametrize("path", modules(LAYER).values(), ids=lambda path: path.stem)
of_functions = pytest.mark.parametrize(
    "path", FUNCTION_MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


# --- the layer -----------------------------------------------------------------------------------


@by_name
def test_the_layer_takes_the_standard_library_alone(path: Path) -> None:
    outside = {i.root for i in imports(path)} - sys.stdlib_module_names - {"longrunning"}
    assert outside == KNOWS_OUTSIDE.get(path.stem, set())


@by_name
def test_layer_modules_import_one_another_one_way(path: Path) -> None:
    assert of_layer(path) == MAY_IMPORT[path.stem]


def test_every_layer_module_has_its_place() -> None:
    assert modules(LAYER).keys() == MAY_IMPORT.keys()
    assert not [p for p in LAYER.iterdir() if p.is_dir() and p.name != "__pycache__"]


@by_name
def test_the_layer_never_reads_the_environment(path: Path) -> None:
    assert "os" not in {i.root for i in imports(path)}


def test_x_ray_is_imported_only_once_it_is_enabled() -> None:
    sdk = [i for i in imports(LAYER / "tracing.py") if i.root == "aws_xray_sdk"]
    assert sdk
    assert not [i for i in sdk if i.at_import]


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
def test_no_module_imports_itself_in_a_circle(folder: Path) -> None:
    graph = {
        name: {i.root for i in imports(path)} & modules(folder).keys()
        for name, path in modules(folder).items()
    }
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys()}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


def test_nothing_imports_a_handler() -> None:
    handlers = {path.stem for path in FUNCTION_MODULES if path.stem.endswith("_handler")}
    everything = [*FUNCTION_MODULES, *modules(LAYER).values()]
    assert not {i.root for path in everything for i in imports(path)} & handlers


def test_the_two_files_to_edit_know_nothing_of_how_the_agent_pauses() -> None:
    agent = SRC / "agent"
    own = modules(agent).keys()
    definition = {i.root for i in imports(agent / "agent_definition.py")} & own
    assert definition == {"conversation_window", "gate", "publish_post", "scripted_model"}
    assert of_layer(agent / "agent_definition.py") == {"human_approval"}
    assert not {i.root for i in imports(agent / "publish_post.py")} & (own | {"longrunning"})


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
