"""Reads the templates for tests, so that no test repeats what they say.

The root and those that it nests are read as one: what the root hands over stands in the place of
the nested template's parameters, as if all stood in one file. No two resources have the same id.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = next(
    (f for f in (Path(__file__).parents[1], Path.cwd()) if (f / "template.yaml").exists()),
    Path.cwd(),
)
"""The project. In a starter this module is installed, and pytest runs in the project's folder."""
NESTED = "AWS::Serverless::Application"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads CloudFormation's short functions as the long ones: !Sub "x" is {"Fn::Sub": "x"}.

    With libyaml where PyYAML was built with it: that is ten times as fast.
    """


def _function(loader: yaml.Loader, name: str, node: yaml.Node) -> Any:
    whole = name if name in ("Ref", "Condition") else f"Fn::{name}"
    if isinstance(node, yaml.ScalarNode):
        return {whole: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {whole: loader.construct_sequence(node, deep=True)}
    return {whole: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)

NO_VALUE = {"Ref": "AWS::NoValue"}


def read(path: Path) -> dict[str, Any]:
    """Returns one template, with CloudFormation's functions in it."""
    found: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506
    return found


def files() -> dict[str, Path]:
    """Returns the templates: the root as "", the others by their application's logical id."""
    root = ROOT / "template.yaml"
    nested = {
        name: root.parent / resource["Properties"]["Location"]
        for name, resource in read(root)["Resources"].items()
        if resource["Type"] == NESTED
    }
    return {"": root, **nested}


@cache
def whole() -> dict[str, Any]:
    """Returns all templates as one, with CloudFormation's functions in them."""
    root = read(ROOT / "template.yaml")
    own = {n: r for n, r in root["Resources"].items() if r["Type"] != NESTED}
    conditions = dict(root["Conditions"])
    outputs: dict[str, Any] = {}
    for application, path in files().items():
        if not application:
            continue
        nested, given = read(path), root["Resources"][application]
        values = {n: _if_any(v) for n, v in given["Properties"]["Parameters"].items()}
        assert values.keys() == nested["Parameters"].keys(), application
        inside = _with_parameters(nested["Resources"], values)
        for name, resource in inside.items():
            assert name not in own, f"{name} is in two templates"
            if "Condition" in given and "Condition" not in resource:
                resource["Condition"] = given["Condition"]
            if "CodeUri" in resource["Properties"]:
                folder = (path.parent / resource["Properties"]["CodeUri"]).resolve()
                resource["Properties"]["CodeUri"] = str(folder.relative_to(ROOT))
        own |= inside
        for name, condition in nested.get("Conditions", {}).items():
            conditions.setdefault(name, _with_parameters(condition, values))
        for name, output in nested.get("Outputs", {}).items():
            outputs[f"{application}.Outputs.{name}"] = _with_parameters(output["Value"], values)
    merged = root | {"Resources": own, "Conditions": conditions}
    found: dict[str, Any] = _with_outputs(merged, outputs)
    return found


def _if_any(value: Any) -> Any:
    """Where "" says that there is none: what is handed over if there is one."""
    match value:
        case {"Fn::If": [_, then, ""]}:
            return then
    return value


def _with_parameters(value: Any, given: Mapping[str, Any]) -> Any:
    match value:
        case {"Ref": str(name)} if name in given:
            return given[name]
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _substituted(text, given)}
        case dict():
            return {key: _with_parameters(inner, given) for key, inner in value.items()}
        case list():
            return [_with_parameters(inner, given) for inner in value]
    return value


def _substituted(text: str, given: Mapping[str, Any]) -> str:
    for name, value in given.items():
        inner = next(iter(value.values())) if isinstance(value, dict) else value
        if isinstance(inner, str):
            text = text.replace(f"${{{name}}}", f"${{{inner}}}")
    return text


def _with_outputs(value: Any, outputs: Mapping[str, Any]) -> Any:
    match value:
        case {"Fn::GetAtt": str(name)} if name in outputs:
            return outputs[name]
        case dict():
            return {key: _with_outputs(inner, outputs) for key, inner in value.items()}
        case list():
            return [_with_outputs(inner, outputs) for inner in value]
    return value


@cache
def load() -> dict[str, Any]:
    """Returns all templates as one, CloudFormation's functions reduced to their arguments."""
    found: dict[str, Any] = _plain(whole())
    return found


def _plain(value: Any) -> Any:
    match value:
        case dict():
            if len(value) == 1 and (name := next(iter(value))) != "Condition":
                if name == "Ref" or name.startswith("Fn::"):
                    return _plain(value[name])
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


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
    """One value or several; `!Sub [text, values]` is one text, of `!If` it is all there can be."""
    if not isinstance(value, list):
        return [value]
    if isinstance(value[-1], dict):
        return value[:1]
    can_be = value[1:] if value[0] in load()["Conditions"] else value
    return [one for part in can_be for one in as_list(part)]


def table_properties(logical_id: str) -> dict[str, Any]:
    """Returns what `create_table` takes of a table in the template."""
    properties = load()["Resources"][logical_id]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    wanted += ("LocalSecondaryIndexes",)
    return {
        # One that CloudFormation names is called as its resource here, with the stack before it.
        "TableName": properties.get("TableName", f"test-{logical_id}".lower()).replace(
            "${AWS::StackName}", "test"
        ),
        "BillingMode": "PAY_PER_REQUEST",
        **{name: properties[name] for name in wanted if name in properties},
    }


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
