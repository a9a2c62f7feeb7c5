"""The process of a trial: reads what to try on standard input, prints the problem, `{}` for none.

    {"handler": "agent_handler.handler",
     "parts": [{"folder": "/tmp/…", "root": "", "files": ["agent_handler.py"]}]}

It imports nothing of this package: the code on trial finds what Lambda would have, and no more.
"""

import ast
import importlib
import json
import os
import sys
import traceback
from typing import Any


class JSONError(SyntaxError):
    """A file that is no JSON, with its line as Python has it of its own mistakes."""


def main() -> None:
    """Tries, and says what is wrong."""
    answer, sys.stdout = sys.stdout, sys.stderr  # What an import prints is no answer.
    given = json.loads(sys.stdin.read())
    parts = given["parts"]
    for part in parts:
        part["folder"] = os.path.realpath(part["folder"])
        sys.path.insert(0, os.path.join(part["folder"], part["root"]))
    problem: dict[str, Any] = {}
    try:
        trees = [_read(part["folder"], name) for part in parts for name in part["files"]]
        module, _, function = given["handler"].rpartition(".")
        getattr(importlib.import_module(module), function)
        for name in sorted(_imported(trees) & _own_modules(parts)):
            importlib.import_module(name)
    except BaseException as error:  # Whatever it is, the function would end by it.
        problem = _problem(error, parts)
    answer.write("\n" + json.dumps(problem))
    answer.flush()
    os._exit(0)  # Threads that an import has started are not waited for.


def _read(folder: str, name: str) -> ast.AST | None:
    """Compiles a Python file, and parses a JSON file."""
    path = os.path.join(folder, name)
    if name.endswith(".py"):
        with open(path, "rb") as file:
            source = file.read()
        compile(source, path, "exec", dont_inherit=True)
        return ast.parse(source, path)
    if name.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise JSONError(error.msg, (path, error.lineno, error.colno, None)) from error
    return None


def _imported(trees: list[ast.AST | None]) -> set[str]:
    """Returns the modules that any statement names, inside functions, too."""
    nodes = [node for tree in trees if tree for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def _own_modules(parts: list[dict[str, Any]]) -> set[str]:
    files = [name for part in parts for name in part["files"] if name.endswith(".py")]
    return {name.removesuffix(".py") for name in files if "/" not in name}


def _problem(error: BaseException, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Names the innermost own file that an error came through."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    said = {"error": f"{type(error).__name__}: {text}".removesuffix(": ")}
    for path, line in reversed(frames):
        for number, part in enumerate(parts):
            name = os.path.relpath(os.path.realpath(path), part["folder"])
            if name in part["files"]:
                return {"part": number, "file": name, "line": line or 0, **said}
    return {"part": None, "file": "", "line": 0, **said}


if __name__ == "__main__":
    main()
