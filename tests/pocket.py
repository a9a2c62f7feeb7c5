"""The AWS in memory of the test kit, and its modules, under the name that the tests know it by."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import kit_path  # noqa: F401 - first: the kit lies there
from longrunning_testkit import pocket

for found in iter_modules(pocket.__path__):
    sys.modules[f"{__name__}.{found.name}"] = import_module(f"{pocket.__name__}.{found.name}")
sys.modules[__name__] = pocket
