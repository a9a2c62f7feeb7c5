"""SnapStart, which a parameter turns on for AgentFunction: a version, and who sends messages to it.

proofs/infra/test_start.py holds that a snapshot of any function has nothing unique in it.
"""

from aws_template import load, of_type, properties, resources

PARAMETER = "SnapStartVersion"
NEVER_WITH_SNAPSTART = {"EphemeralStorage", "FileSystemConfigs", "ProvisionedConcurrencyConfig"}
"""Source: AWS Lambda, "Improving startup performance with Lambda SnapStart": not supported."""


def test_it_is_off_unless_a_version_is_named() -> None:
    assert load()["Parameters"][PARAMETER]["Default"] == ""
    assert load()["Conditions"]["UseSnapStart"] == [[PARAMETER, ""]]
    applied = properties("AgentFunction")["SnapStart"]["ApplyOn"]
    assert applied == ["UseSnapStart", "PublishedVersions", "None"]


def test_another_name_is_another_version() -> None:
    version = resources()["AgentVersion"]
    assert version["Condition"] == "UseSnapStart"
    # CloudFormation replaces a version when either of these changes, and never updates one.
    assert version["Properties"] == {"FunctionName": "AgentFunction", "Description": PARAMETER}
    # Lambda publishes none of a function that has not changed since the last one.
    assert properties("AgentFunction")["Description"] == PARAMETER


def test_messages_go_to_the_version_when_there_is_one() -> None:
    (mapping,) = of_type("AWS::Lambda::EventSourceMapping")
    told = properties(mapping)["FunctionName"]
    assert told == ["UseSnapStart", "AgentVersion", "AgentFunction"]
    assert "Events" not in properties("AgentFunction")  # SAM's would go past the version.


def test_the_python_of_the_template_has_snapstart() -> None:
    """Source: AWS Lambda, "Supported features and limitations" of SnapStart: 3.12 and newer."""
    runtime = load()["Mappings"]["RunsOn"]["Lambda"]["Runtime"]
    assert int(runtime.removeprefix("python3.")) >= 12


def test_the_function_has_nothing_that_excludes_it() -> None:
    everything = properties("AgentFunction").keys() | load()["Globals"]["Function"].keys()
    assert not everything & NEVER_WITH_SNAPSTART
