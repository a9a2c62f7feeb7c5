"""The SAM transform, as AWS applies it on deploy, in the SAM CLI's environment, which carries it.

    .venv/sam/bin/python local/transform.py <template> <built template> <bucket> <parameters>

The parameters are a JSON object. Prints JSON: `template`, what CloudFormation gets; `artifacts`,
the built folder of each function and layer by logical id; `sources`, the folder each is built from.
In the template code is `s3://<bucket>/<logical id>`: whoever creates the stack puts the zips there.
"""

import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

_CODE_PROPERTY = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


class _ManagedPolicies:
    """SAM needs names of managed policies only where a template uses bare names; ARNs need none."""

    def load(self) -> dict[str, str]:
        """Returns no names."""
        return {}


def code_folders(path: Path) -> dict[str, str]:
    """Returns the folder of each function and layer of a template, by logical id."""
    resources = yaml_parse(path.read_text())["Resources"]
    return {
        logical_id: str((path.parent / resource["Properties"][_CODE_PROPERTY[kind]]).resolve())
        for logical_id, resource in resources.items()
        if (kind := resource["Type"]) in _CODE_PROPERTY
    }


def with_code_in_bucket(template: dict[str, Any], bucket: str) -> dict[str, Any]:
    """Names each folder's place in the bucket instead of the folder."""
    for logical_id, resource in template["Resources"].items():
        if (kind := resource["Type"]) in _CODE_PROPERTY:
            resource["Properties"][_CODE_PROPERTY[kind]] = f"s3://{bucket}/{logical_id}"
    return template


def main() -> None:
    """Reads both templates, prints the processed one and the folders."""
    source, built = Path(sys.argv[1]), Path(sys.argv[2])
    bucket, parameters = sys.argv[3], json.loads(sys.argv[4])
    template = with_code_in_bucket(yaml_parse(built.read_text()), bucket)
    processed = {
        "template": transform(template, parameters, _ManagedPolicies()),
        "artifacts": code_folders(built),
        "sources": code_folders(source),
    }
    json.dump(processed, sys.stdout)


if __name__ == "__main__":
    main()
