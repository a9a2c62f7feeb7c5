"""The SAM transform, as AWS applies it on deploy, in the SAM CLI's environment, which carries it.

    .venv/sam/bin/python local/transform.py <template> <built template> <bucket> <runs on>

`<runs on>` is a JSON object that replaces entries of the mapping RunsOn. Prints JSON: `templates`,
what CloudFormation gets, by the logical id of the application ("" is the root); `artifacts`, the
built folder of each function and layer by logical id; `sources`, the folder each is built from;
`sam_ids`, what `sam build` calls each. In the templates code is `s3://<bucket>/<logical id>`, and a
nested template is its application's id: whoever creates the stack puts both there.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

_CODE_PROPERTY = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
_APPLICATION = "AWS::Serverless::Application"


class _ManagedPolicies:
    """SAM needs names of managed policies only where a template uses bare names; ARNs need none."""

    def load(self) -> dict[str, str]:
        """Returns no names."""
        return {}


def templates(path: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yields the root template and those of its applications: id, file, content."""
    root = yaml_parse(path.read_text())
    yield "", path, root
    for logical_id, resource in root["Resources"].items():
        if resource["Type"] == _APPLICATION:
            nested = path.parent / resource["Properties"]["Location"]
            yield logical_id, nested, yaml_parse(nested.read_text())


def code_folders(path: Path) -> dict[str, str]:
    """Returns the folder of each function and layer of all templates, by logical id."""
    return {
        logical_id: str((file.parent / resource["Properties"][_CODE_PROPERTY[kind]]).resolve())
        for _, file, template in templates(path)
        for logical_id, resource in template["Resources"].items()
        if (kind := resource["Type"]) in _CODE_PROPERTY
    }


def sam_ids(path: Path) -> dict[str, str]:
    """Returns what `sam build` calls each function and layer: those of an application by a path."""
    return {
        logical_id: f"{application}/{logical_id}" if application else logical_id
        for application, _, template in templates(path)
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in _CODE_PROPERTY
    }


def with_everything_in_bucket(template: dict[str, Any], bucket: str) -> dict[str, Any]:
    """Names each folder's and each nested template's place instead of the folder or file."""
    for logical_id, resource in template["Resources"].items():
        if (kind := resource["Type"]) in _CODE_PROPERTY:
            resource["Properties"][_CODE_PROPERTY[kind]] = f"s3://{bucket}/{logical_id}"
        elif kind == _APPLICATION:
            resource["Properties"]["Location"] = logical_id
    return template


def main() -> None:
    """Reads the templates, prints the processed ones and the folders."""
    source, built = Path(sys.argv[1]), Path(sys.argv[2])
    bucket, runs_on = sys.argv[3], json.loads(sys.argv[4])
    processed = {}
    for application, _, template in list(templates(built)):
        if not application:
            template["Mappings"]["RunsOn"]["Lambda"].update(runs_on)
        placed = with_everything_in_bucket(template, bucket)
        processed[application] = transform(placed, {}, _ManagedPolicies())
    found = {
        "templates": processed,
        "artifacts": code_folders(built),
        "sources": code_folders(source),
        "sam_ids": sam_ids(source),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
