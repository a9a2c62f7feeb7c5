"""Reads template.yaml for tests, so that no test repeats what the template says."""

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
