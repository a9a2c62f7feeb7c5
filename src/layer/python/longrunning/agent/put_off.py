"""Puts off what Strands imports and no run of an agent needs: a sixth of a cold start.

    with put_off():
        import strands

Meanwhile a stand-in has the place of each module of `NAMES`. What Strands imports from it stands
in, too, and becomes the real thing when it is first used: called, asked for an attribute, made the
base of a class. So all of Strands works, a little later. Whoever imports such a module after the
block gets the module itself.

A test fails when a run uses one of them: `proofs/infra/test_put_off.py`.
"""

import gc
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES = (
    "botocore.docs.bcdoc",  # writes the documentation of clients
    "botocore.docs.method",
    "botocore.docs.paginator",
    "botocore.docs.waiter",
    "opentelemetry.instrumentation.threading",  # see `_THREADS`
    "opentelemetry.sdk",  # exports traces; here X-Ray's SDK does
    "strands.bidi",  # speech
    "strands.experimental.agent_config",
    "strands.experimental.steering",
    "strands.experimental.tools",
    "strands.memory",
    "strands.models.routing",  # one model or another
    "strands.session.snapshot_session_manager",
    "strands.tools.watcher",  # loads tools anew whose files have changed
    "strands.vended_plugins",
    "yaml",  # for skills, one of those plugins
)
"""Modules and packages, each with all that is in it."""

_THREADS = "opentelemetry.instrumentation.threading"
"""Carries traces into threads, and Strands calls it in each run. Where nobody takes traces, it has
nothing to carry: then the call does nothing."""

used: list[str] = []
"""Those of them that were needed after all."""


@contextmanager
def put_off(names: Sequence[str] = NAMES) -> Iterator[None]:
    """Puts off, inside the block, the import of modules that nobody has imported before.

    The search for garbage is put off, too: nearly all that is imported stays, and later searches
    leave it out.
    """
    finder = _Finder([name for name in names if name not in sys.modules])
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.meta_path.remove(finder)
        for root in finder.roots:
            _forget(root)


def _is_in(root: str, name: str) -> bool:
    return name == root or name.startswith(f"{root}.")


def _forget(root: str) -> None:
    """Takes away stand-ins, so that the next import of such a module is a real one."""
    for name in [name for name in sys.modules if _is_in(root, name)]:
        if isinstance(sys.modules[name], _Module):
            stand_in = sys.modules.pop(name)
            parent, _, child = name.rpartition(".")
            if vars(sys.modules.get(parent, stand_in)).get(child) is stand_in:
                delattr(sys.modules[parent], child)


class _Finder:
    """Finds a stand-in for each module that is put off, and makes it."""

    def __init__(self, roots: list[str]) -> None:
        self.roots = roots

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        root = next((root for root in self.roots if _is_in(root, name)), None)
        return ModuleSpec(name, self, is_package=True) if root else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in a stand-in."""

    def real(self, module: str, name: str) -> Any:
        """Imports a module at last, and returns what it has by that name."""
        for root in [root for root in self.roots if _is_in(root, module)]:
            self.roots.remove(root)
            used.append(root)
            _forget(root)
        found = importlib.import_module(module)
        try:
            return getattr(found, name)
        except AttributeError:
            return importlib.import_module(f"{module}.{name}")


class _Module(ModuleType):
    """Stands in for a module: what is imported from it stands in, too."""

    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Late(self._finder, self.__name__, name)


class _Late:
    """Stands in for what a module has, and becomes it when it is used."""

    def __init__(self, finder: _Finder, module: str, name: str) -> None:
        self._finder, self._module, self._name = finder, module, name

    def _real(self) -> Any:
        return self._finder.real(self._module, self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._module == _THREADS and _nobody_takes_traces():
            return _Idle()
        return self._real()(*arguments, **named)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: Any) -> bool:
        """Nothing is an instance of a class that nobody has imported."""
        return self._module in sys.modules and isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return self._module in sys.modules and issubclass(subclass, self._real())

    def __getitem__(self, item: Any) -> Any:
        return self._real()[item]

    def __or__(self, other: Any) -> "_Either":
        return _Either(self, other)

    def __ror__(self, other: Any) -> "_Either":
        return _Either(other, self)


def _nobody_takes_traces() -> bool:
    trace = importlib.import_module("opentelemetry.trace")
    return isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class _Idle:
    """Does nothing, whatever it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class _Either(_Late):
    """Stands in for `X | Y` in an annotation."""

    def __init__(self, *both: Any) -> None:
        self._both = tuple(type(None) if one is None else one for one in both)

    def _real(self) -> Any:
        left, right = (one._real() if isinstance(one, _Late) else one for one in self._both)
        return left | right

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._both)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._both)
