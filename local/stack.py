"""The stack: the built template created on the emulator, and the names of what came up."""

import json
import time
from dataclasses import dataclass
from typing import Any

from local.build import Build
from local.console import LocalError
from local.emulator import Emulator
from local.gaps import fill, time_to_live
from local.routes import Resources, Route, Template, routes
from local.settings import ARTIFACTS_BUCKET, STACK_NAME, Settings

CREATE_SECONDS = 60
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NESTED = "AWS::CloudFormation::Stack"
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Stack:
    """A created stack.

    Attributes:
        physical_ids: The physical id of every resource, those of nested stacks too, by logical id.
        routes: The routes of its HTTP APIs.
        log_groups: The log group of each function, by logical id.
    """

    physical_ids: dict[str, str]
    routes: tuple[Route, ...]
    log_groups: dict[str, str]

    def id_ending(self, end: str) -> str:
        """Returns the one physical id that ends so: names end in what DESIGN calls the resource.

        Raises:
            LocalError: None does, or several do.
        """
        found = sorted({value for value in self.physical_ids.values() if value.endswith(end)})
        if len(found) != 1:
            raise LocalError(f"The template has {len(found)} resources named …{end}: {found}")
        return found[0]


def create(settings: Settings, emulator: Emulator, build: Build) -> Stack:
    """Uploads the code and creates the stack.

    Raises:
        LocalError: The template asks for something that cannot be created.
    """
    root = build.templates[""]
    filled = {name: fill(t, settings.parameters, root) for name, t in build.templates.items()}
    _upload(emulator, build.artifacts, filled)
    _create(emulator, settings.parameters, root)
    ids = physical_ids(emulator.client("cloudformation"), STACK_NAME)
    _enable_time_to_live(emulator, ids, build.resources)
    found = tuple(route for template in build.templates.values() for route in routes(template))
    return Stack(ids, found, _log_groups(emulator, ids, build.resources))


def give(emulator: Emulator, stack: Stack, logical_id: str, variables: dict[str, str]) -> None:
    """Gives one function variables that stand in no template: keys, above all.

    Args:
        emulator: Where the function is.
        stack: The stack that has it.
        logical_id: The function.
        variables: What its environment gets.

    Raises:
        LocalError: The template gives the function one of them already.
    """
    if not variables:
        return
    name, functions = stack.physical_ids[logical_id], emulator.client("lambda")
    found = functions.get_function_configuration(FunctionName=name).get("Environment", {})
    own = found.get("Variables", {})
    if taken := sorted(own.keys() & variables.keys()):
        raise LocalError(f"PASS={' '.join(taken)}: the template gives {logical_id} that already.")
    environment = {"Variables": own | variables}
    functions.update_function_configuration(FunctionName=name, Environment=environment)


def physical_ids(cloudformation: Any, stack: str) -> dict[str, str]:
    """Returns the physical id of every resource of a stack and of those that it nests.

    Args:
        cloudformation: A client.
        stack: The stack, by its name or id.
    """
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = {}
    for resource in (r for page in pages for r in page["StackResourceSummaries"]):
        found[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
        if resource["ResourceType"] == _NESTED:
            found |= physical_ids(cloudformation, resource["PhysicalResourceId"])
    return found


def _upload(
    emulator: Emulator, artifacts: dict[str, bytes], templates: dict[str, Template]
) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS_BUCKET)
    for logical_id, content in artifacts.items():
        s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=logical_id, Body=content)
    for name, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] == _NESTED:
                resource["Properties"]["TemplateURL"] = _template_url(emulator, logical_id)
        text = json.dumps(template).encode()
        s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=_template_key(name), Body=text)


def _template_key(name: str) -> str:
    return f"{name or 'root'}.json"


def _template_url(emulator: Emulator, name: str) -> str:
    return f"{emulator.endpoint_url}/{ARTIFACTS_BUCKET}/{_template_key(name)}"


def _create(emulator: Emulator, parameters: dict[str, str], template: Template) -> None:
    cloudformation = emulator.client("cloudformation")
    known = template.get("Parameters", {})
    cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateURL=_template_url(emulator, ""),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
            if name in known
        ],
        Capabilities=_CAPABILITIES,
        OnFailure="DO_NOTHING",
    )
    deadline = time.monotonic() + CREATE_SECONDS
    while (status := _status(cloudformation)) == "CREATE_IN_PROGRESS":
        emulator.check()
        if time.monotonic() > deadline:
            raise LocalError(f"The stack was not created in {CREATE_SECONDS} s.")
        time.sleep(_POLL_SECONDS)
    if status != "CREATE_COMPLETE":
        raise LocalError(f"The stack could not be created ({status}):\n{_failures(cloudformation)}")


def _status(cloudformation: Any) -> str:
    [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return str(stack["StackStatus"])


def _failures(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in reversed(failed)
    )


def _enable_time_to_live(emulator: Emulator, ids: dict[str, str], resources: Resources) -> None:
    dynamodb = emulator.client("dynamodb")
    for logical_id, specification in time_to_live(resources).items():
        dynamodb.update_time_to_live(
            TableName=ids[logical_id], TimeToLiveSpecification=specification
        )


def _log_groups(emulator: Emulator, ids: dict[str, str], resources: Resources) -> dict[str, str]:
    functions = emulator.client("lambda")
    groups = {}
    for logical_id, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            name = ids[logical_id]
            logging = functions.get_function_configuration(FunctionName=name).get(
                "LoggingConfig", {}
            )
            groups[logical_id] = logging.get("LogGroup") or f"/aws/lambda/{name}"
    return groups
