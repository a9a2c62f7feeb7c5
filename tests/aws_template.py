"""Reads template.yaml for tests, so that no test repeats what the template says."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as plain values: !Sub "x" becomes "x"."""


def _plain(loader: yaml.Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)


class _WholeLoader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as the long ones: !Sub "x" is {"Fn::Sub": "x"}."""


def _function(loader: yaml.Loader, name: str, node: yaml.Node) -> Any:
    whole = name if name in ("Ref", "Condition") else f"Fn::{name}"
    return {whole: _plain(loader, name, node)}


_WholeLoader.add_multi_constructor("!", _function)

NO_VALUE = {"Ref": "AWS::NoValue"}


@cache
def load() -> dict[str, Any]:
    """Returns the template, CloudFormation's functions reduced to their arguments."""
    return yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)  # noqa: S506


def resources() -> dict[str, dict[str, Any]]:
    """Returns the resources of the template by logical id."""
    found: dict[str, dict[str, Any]] = load()["Resources"]
    return found


def properties(logical_id: str) -> dict[str, Any]:
    """Returns the properties of one resource."""
    found: dict[str, Any] = resources()[logical_id]["Properties"]
    return found


def of_type(*kinds: str) -> list[str]:
    """Returns the logical ids of all resources of some types."""
    return [name for name, resource in resources().items() if resource["Type"] in kinds]


def as_list(value: Any) -> list[Any]:
    """One value or several; `!Sub [text, values]` is one text."""
    if isinstance(value, list) and isinstance(value[-1], dict):
        return value[:1]
    return value if isinstance(value, list) else [value]


def table_properties(logical_id: str) -> dict[str, Any]:
    """Returns what `create_table` takes of a table in the template."""
    properties = load()["Resources"][logical_id]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    wanted += ("LocalSecondaryIndexes",)
    return {
        "TableName": properties["TableName"].replace("${AWS::StackName}", "test"),
        "BillingMode": "PAY_PER_REQUEST",
        **{name: properties[name] for name in wanted if name in properties},
    }


@cache
def whole() -> dict[str, Any]:
    """Returns the template with CloudFormation's functions in it."""
    return yaml.load((ROOT / "template.yaml").read_text(), Loader=_WholeLoader)  # noqa: S506


def parameters_of(logical_id: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the parameters with which a function has its environment.

    All that its variables do not tell have their defaults.

    Args:
        logical_id: The function.
        environment: Its variables.
    """
    declared = whole()["Resources"][logical_id]["Properties"]["Environment"]["Variables"]
    seen = tuple((name, environment[name]) for name in declared if name in environment)
    return dict(_parameters_of(logical_id, seen))


@cache
def _parameters_of(logical_id: str, seen: tuple[tuple[str, str], ...]) -> dict[str, str]:
    declared = whole()["Resources"][logical_id]["Properties"]["Environment"]["Variables"]
    found = {n: p["Default"] for n, p in whole()["Parameters"].items() if "Default" in p}
    for name, value in seen:
        for parameter in found.keys() & set(_references(declared[name])):
            allowed = whole()["Parameters"][parameter].get("AllowedValues", [value])
            for one in allowed:
                if str(_resolved(declared[name], found | {parameter: one})) == value:
                    found[parameter] = one
    return found


def _references(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)}:
            yield name
        case dict():
            for part in value.values():
                yield from _references(part)
        case list():
            for part in value:
                yield from _references(part)


def resolved(logical_id: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Returns the properties of a resource as CloudFormation resolves them.

    Conditions, mappings and parameters are; what names other resources stays as it is.
    """
    found: dict[str, Any] = _resolved(whole()["Resources"][logical_id]["Properties"], parameters)
    return found


def _resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    match value:
        case {"Fn::If": [condition, then, otherwise]}:
            chosen = then if _holds({"Condition": condition}, parameters) else otherwise
            return _resolved(chosen, parameters)
        case {"Fn::FindInMap": path}:
            found = whole()["Mappings"]
            for name in path:
                found = found[_resolved(name, parameters)]
            return found
        case {"Ref": str(name)} if name in parameters:
            return parameters[name]
        case dict():
            parts = {name: _resolved(part, parameters) for name, part in value.items()}
            return {name: part for name, part in parts.items() if part != NO_VALUE}
        case list():
            parts_of_list = [_resolved(part, parameters) for part in value]
            return [part for part in parts_of_list if part != NO_VALUE]
    return value


def _holds(condition: Any, parameters: Mapping[str, str]) -> bool:
    match condition:
        case {"Condition": str(name)}:
            return _holds(whole()["Conditions"][name], parameters)
        case {"Fn::Equals": [left, right]}:
            return bool(_resolved(left, parameters) == _resolved(right, parameters))
        case {"Fn::Not": [part]}:
            return not _holds(part, parameters)
        case {"Fn::And": parts}:
            return all(_holds(part, parameters) for part in parts)
        case {"Fn::Or": parts}:
            return any(_holds(part, parameters) for part in parts)
    raise ValueError(f"no condition: {condition}")
