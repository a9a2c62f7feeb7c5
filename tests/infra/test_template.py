"""What the template promises: names, limits, parameters, what belongs together."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import aws_template
from aws_template import of_type, properties
from longrunning.people.pace import MAX_AGENTS_UNCOUNTED

ROOT = aws_template.ROOT
TEMPLATE = aws_template.load()
RESOURCES = aws_template.resources()
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
RESTORABLE_DAYS = 35  # Source: DynamoDB, "Point-in-time recovery".
STEPS = "arrive validate load run pause save notify decide resume publish".split()
BESIDE_THE_WALK = ["sweep", "operate", "watch"]
FUNCTIONS = of_type("AWS::Serverless::Function")
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")


def variables(function: str) -> set[str]:
    own = properties(function)["Environment"]["Variables"]
    return {*own, *TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]}


@pytest.mark.parametrize(
    ("logical_id", "property_name", "ending"),
    [
        ("TaskQueue", "QueueName", "post-generator-task-queue"),
        ("DeadLetterQueue", "QueueName", "post-generator-dead-letter-queue"),
        ("SessionsTable", "TableName", "agent-memory-store"),
        ("ApprovalsTable", "TableName", "approvals"),
        ("ApprovalTopic", "TopicName", "approval-notifications"),
        ("EscalationTopic", "TopicName", "escalation-notifications"),
        ("ApprovalApi", "Name", "approval-api"),
        ("UniTokApi", "Name", "unitok-api"),
    ],
)
def test_names_start_with_the_stack_and_end_as_documented(
    logical_id: str, property_name: str, ending: str
) -> None:
    assert properties(logical_id)[property_name] == f"${{AWS::StackName}}-{ending}"


def test_queue_hides_a_message_six_times_as_long_as_the_function_may_run() -> None:
    timeout_seconds = properties("AgentFunction")["Timeout"]
    assert properties("TaskQueue")["VisibilityTimeout"] >= 6 * timeout_seconds


def test_a_message_is_tried_five_times_and_then_kept_for_14_days() -> None:
    redrive = properties("TaskQueue")["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "DeadLetterQueue.Arn", "maxReceiveCount": 5}
    assert properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * 86_400


def test_agent_is_given_one_message_at_a_time_and_reports_which_failed() -> None:
    assert RESOURCES["AgentFunctionMessage"]["Type"] == "AWS::Lambda::EventSourceMapping"
    assert properties("AgentFunctionMessage") == {
        "FunctionName": ["UseSnapStart", "AgentVersion", "AgentFunction"],
        "EventSourceArn": "TaskQueue.Arn",
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": "MaximumConcurrency"},
    }


def test_as_many_agents_as_by_default_need_no_counter_for_their_e_mails() -> None:
    """The pace goes by what the mapping lets run, so both are one parameter."""
    assert PARAMETERS["MaximumConcurrency"]["Default"] <= MAX_AGENTS_UNCOUNTED
    own = properties("AgentFunction")["Environment"]["Variables"]
    scaling = properties("AgentFunctionMessage")["ScalingConfig"]
    assert own["MAXIMUM_CONCURRENCY"] == scaling["MaximumConcurrency"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_given_every_variable_it_reads_and_no_other(function: str) -> None:
    source = ROOT / properties(function)["CodeUri"]
    code = "".join(path.read_text() for path in source.glob("*.py"))
    read = set(re.findall(r'env(?:iron)?(?:\.get\(|\[)"([A-Z_]+)"', code))
    given = variables(function)
    assert {name for name in read if not name.startswith("AWS_")} <= given
    assert [name for name in given if f'"{name}"' not in code] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_a_role_a_log_group_with_retention_and_tracing(function: str) -> None:
    name = function.removesuffix("Function")
    assert properties(function)["Role"] == f"{name}Role.Arn"
    assert properties(function)["LoggingConfig"] == {"LogGroup": f"{name}LogGroup"}
    group = properties(f"{name}LogGroup")
    separator = "/" if name == "UniTok" else "-"  # Beside the root's group of before.
    assert group["LogGroupName"] == f"/aws/lambda/${{AWS::StackName}}{separator}{name.lower()}"
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == "Active"


def test_open_approvals_are_indexed_by_the_time_they_are_due() -> None:
    index, decided = properties("ApprovalsTable")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "open-approvals"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["open_shard", "due_at"]
    assert index["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["requested_at"],
    }
    assert decided["IndexName"] == "decided-approvals"
    assert [key["AttributeName"] for key in decided["KeySchema"]] == ["decided_month", "decided_at"]
    assert decided["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize("table", ["SessionsTable", "ApprovalsTable"])
def test_old_sessions_and_approvals_are_deleted(table: str) -> None:
    ttl = properties(table)["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}


def test_the_buckets_rules_are_the_same_whatever_the_parameters_are() -> None:
    """A rule that follows one deletes what sessions still wait with, once it is changed."""
    configuration = aws_template.whole()["Resources"]["StateBucket"]["Properties"]
    rules = configuration["LifecycleConfiguration"]["Rules"]
    assert "Fn::" not in str(rules)
    assert "Ref" not in str(rules)
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert expiring == {"short/": 200, "long/": 2_000}
    [whole] = [rule for rule in rules if "Prefix" not in rule]
    assert "ExpirationInDays" not in whole


def test_the_bucket_keeps_what_any_backup_of_a_table_points_to() -> None:
    assert properties("StateBucket")["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = properties("StateBucket")["LifecycleConfiguration"]["Rules"]
    noncurrent = [r["NoncurrentVersionExpiration"] for r in rules if "Prefix" not in r]
    assert noncurrent == [{"NoncurrentDays": RESTORABLE_DAYS + 1}]


def test_the_sweeper_is_started_by_the_minute_and_never_for_a_minute_that_is_over() -> None:
    [event] = properties("SweeperFunction")["Events"].values()
    assert event["Type"] == "ScheduleV2"
    assert event["Properties"]["ScheduleExpression"] == "cron(0/${SweepMinutes} * * * ? *)"
    assert event["Properties"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 60
    invoked = properties("SweeperFunction")["EventInvokeConfig"]
    assert invoked == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    assert properties("SweeperFunction")["Timeout"] < 60
    assert all(60 % int(minutes) == 0 for minutes in PARAMETERS["SweepMinutes"]["AllowedValues"])


def test_two_stacks_fit_one_account() -> None:
    assert properties("SweeperFunction")["Events"]["Schedule"]["Properties"]["Name"] == (
        "${AWS::StackName}-sweep"
    )
    naming_another = of_type("AWS::Lambda::Version", "AWS::Lambda::EventSourceMapping")
    for name in RESOURCES.keys() - naming_another:
        for key, value in properties(name).items():
            if key.endswith("Name") and key not in ("MetricName", "PolicyName"):
                assert "${AWS::StackName}" in value, f"{name}: {key}"


def test_escalation_needs_somebody_to_escalate_to() -> None:
    rule = TEMPLATE["Rules"]["SomebodyToEscalateTo"]
    assert rule["RuleCondition"] == ["OnSilence", "escalate"]
    assert [a["Assert"] for a in rule["Assertions"]] == [[["EscalationEmail", ""]]]
    conditional = {name for name, r in RESOURCES.items() if r.get("Condition") == "UseEscalation"}
    assert conditional == {name for name in RESOURCES if name.startswith("Escalation")}


@pytest.mark.parametrize("function", ["AgentFunction", "SweeperFunction"])
def test_links_lead_to_the_same_place_whoever_sends_them(function: str) -> None:
    own = properties(function)["Environment"]["Variables"]
    base_url = ["UseApiUrl", "ApprovalApi.ApiEndpoint", "ApprovalBaseUrl"]
    assert (own["APPROVAL_BASE_URL"], own["LINK_KEYS_SECRET_ARN"]) == (base_url, "LinkKeys")


def test_posting_needs_a_signature_and_reading_does_not() -> None:
    events = properties("UniTokFunction")["Events"].values()
    signed = {(e["Properties"]["Method"], "Auth" in e["Properties"]) for e in events}
    assert signed == {("POST", True), ("GET", False), ("HEAD", False)}


def test_unitok_is_there_only_when_no_other_endpoint_is_given() -> None:
    assert TEMPLATE["Conditions"]["UseUniTok"] == ["PublishEndpoint", ""]
    conditions = ("UseUniTok", "UseCloseWatchOfUniTok")
    conditional = {name for name, r in RESOURCES.items() if r.get("Condition") in conditions}
    named = {name for name in RESOURCES if "UniTok" in name}
    assert conditional == named | {"PostsTable", "PostingPolicy"}


def test_link_keys_are_generated_and_never_written_down() -> None:
    generated = properties("LinkKeys")["GenerateSecretString"]
    assert generated["SecretStringTemplate"] == '{"current":"k1"}'
    assert generated["GenerateStringKey"] == "k1"
    assert generated["PasswordLength"] >= 32


def test_only_the_address_must_be_given() -> None:
    required = [name for name, parameter in PARAMETERS.items() if "Default" not in parameter]
    assert required == ["ApproverEmail"]
    assert all(parameter["Description"] for parameter in PARAMETERS.values())
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(PARAMETERS)


def test_hours_are_translated_into_seconds() -> None:
    hours = TEMPLATE["Mappings"]["Hours"]
    assert {key: int(value["Seconds"]) for key, value in hours.items()} == {
        key: int(key) * 3_600 for key in PARAMETERS["DecideWithinHours"]["AllowedValues"]
    }


def test_resources_stand_in_the_order_of_the_walk() -> None:
    banners = re.findall(r"^  # ── (\w+) ─+$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
    assert banners == STEPS + BESIDE_THE_WALK


def test_tables_with_indexes_are_created_one_after_the_other() -> None:
    """Source: CloudFormation, AWS::DynamoDB::Table: else the stack operation fails."""
    indexed = [
        name
        for name in of_type("AWS::DynamoDB::Table")
        if {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} & properties(name).keys()
    ]
    assert indexed == ["ApprovalsTable", "PostsTable"]
    root = aws_template.read(ROOT / "template.yaml")["Resources"]
    assert root["UniTok"]["DependsOn"] == "ApprovalsTable"


def test_a_warning_about_a_generated_document_fails_no_deployment() -> None:
    for file in aws_template.files().values():
        assert "FailOnWarnings" not in file.read_text()


def test_the_policy_that_was_of_both_queues_lets_go_before_the_other_takes_one_up() -> None:
    """CloudFormation takes the policy off a queue whose policy resource goes."""
    assert properties("QueuePolicy")["Queues"] == ["TaskQueue"]
    assert properties("DeadLetterQueuePolicy")["Queues"] == ["DeadLetterQueue"]
    assert RESOURCES["DeadLetterQueuePolicy"]["DependsOn"] == "QueuePolicy"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_value_that_is_refused_says_what_it_should_be(name: str) -> None:
    given = PARAMETERS[name]
    if "AllowedPattern" in given:
        assert len(given["ConstraintDescription"].split()) > 3
    else:
        assert {"AllowedValues", "MinValue"} & given.keys()


@pytest.mark.parametrize(
    ("model_id", "is_good"),
    [
        ("scripted", True),
        ("us.amazon.nova-lite-v1:0", True),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", True),
        ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3", True),
        ("arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us.a.b-v1:0", True),
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0", False),
        ("arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc", False),
        ("nova", False),
        ("", False),
    ],
)
def test_the_model_is_a_model_or_a_profile(model_id: str, is_good: bool) -> None:
    assert bool(re.fullmatch(PARAMETERS["ModelId"]["AllowedPattern"], model_id)) == is_good


@pytest.mark.parametrize(
    ("arn", "is_good"),
    [
        ("", True),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-a1B2c3", True),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:token", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:*-a1B2c3", False),
    ],
)
@pytest.mark.parametrize("name", ["PublishTokenSecretArn", "OidcClientSecretArn"])
def test_the_secret_is_named_by_its_whole_arn(name: str, arn: str, is_good: bool) -> None:
    """GetSecretValue would find it by less; the role's statement would not match."""
    assert bool(re.fullmatch(PARAMETERS[name]["AllowedPattern"], arn)) == is_good


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("", True),
        ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3", True),
        ("https://tenant.eu.auth0.com/", True),
        ("http://localhost:4566/us-east-1_x", True),
        ("http://issuer.example.com", False),
        ("http://localhost.example.com", False),
        ("https://issuer.example.com/?x", False),
        ("issuer.example.com", False),
    ],
)
def test_an_issuer_is_asked_over_https(url: str, is_good: bool) -> None:
    """On a laptop there is an emulator; the function takes it from a stack on localhost alone."""
    assert bool(re.fullmatch(PARAMETERS["OidcIssuer"]["AllowedPattern"], url)) == is_good


def test_an_issuer_needs_a_client() -> None:
    rule = TEMPLATE["Rules"]["ClientOfAnIssuer"]
    assert rule["RuleCondition"] == [["OidcIssuer", ""]]
    assert [a["Assert"] for a in rule["Assertions"]] == [[["OidcClientId", ""]]]


def test_outputs_are_plain_ascii_and_the_console_is_the_partitions() -> None:
    """CloudFormation shows other characters of a description as question marks."""
    for output in TEMPLATE["Outputs"].values():
        assert output["Description"].isascii()
    url = str(aws_template.whole()["Outputs"]["DashboardUrl"])
    for console in ("console.aws.amazon.com", "console.amazonaws.cn", "console.amazonaws-us-gov"):
        assert console in url


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("", True),
        ("approvals@example.com", True),
        ("a.b+c_d%e@mail.example-1.co.uk", True),
        ("approvals", False),
        ("approvals@example", False),
        ("approvals@.example.com", False),
        ("Approvals <approvals@example.com>", False),
        ("a@example.com,b@example.com", False),
        ("*@example.com", False),
        ("${aws:username}@example.com", False),
        ("approvals@example.com\n", False),
        ("käufe@example.com", False),
    ],
)
def test_mail_from_is_one_plain_address(address: str, is_good: bool) -> None:
    """It stands in a policy's condition: no wildcard, no variable."""
    assert bool(re.fullmatch(PARAMETERS["MailFrom"]["AllowedPattern"], address)) is is_good


def test_a_token_needs_an_endpoint() -> None:
    rule = TEMPLATE["Rules"]["TokenForAnEndpoint"]
    assert rule["RuleCondition"] == [["PublishTokenSecretArn", ""]]
    assert [a["Assert"] for a in rule["Assertions"]] == [[["PublishEndpoint", ""]]]


def test_rules_use_what_cloudformation_lets_them() -> None:
    """Source: CloudFormation, "Rule-specific intrinsic functions": no mapping, no If."""
    used = set(re.findall(r"'(Fn::\w+)'", str(aws_template.read(ROOT / "template.yaml")["Rules"])))
    assert used <= {"Fn::Not", "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Contains"}


def test_one_reads_the_template_in_ten_minutes() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    assert len(lines) <= 965
    first = lines.index("Resources:")
    assert next(n for n, line in enumerate(lines) if n > first and line.endswith("Queue:")) < 130


def test_every_runtime_and_architecture_has_its_build_target() -> None:
    allowed = (RUNTIMES, ARCHITECTURES)
    targets = {
        folder.name: re.search(r" (python\S+) (\S+) \. ", makefile_of(folder))
        for folder in (ROOT / "targets").iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert set(targets) == {"-".join(pair) for pair in itertools.product(*allowed)}
    assert all(found and "-".join(found.groups()) == name for name, found in targets.items())


def test_build_and_deployment_read_one_constant() -> None:
    """A parameter would be asked for by `sam deploy --guided`, after the packages are made."""
    runs_on = TEMPLATE["Mappings"]["RunsOn"]["Lambda"]
    assert runs_on["Runtime"] in RUNTIMES
    assert runs_on["Architecture"] in ARCHITECTURES
    runtime, architecture = (["RunsOn", "Lambda", name] for name in ("Runtime", "Architecture"))
    for function in FUNCTIONS:
        assert not {"Runtime", "Architectures"} & properties(function).keys()
    for file in aws_template.files().values():
        if "Function" in (settings := aws_template.read(file).get("Globals", {})):
            assert settings["Function"]["Runtime"].keys() <= {"Fn::FindInMap", "Ref"}
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == runtime
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == [architecture]
    handed = aws_template.read(ROOT / "template.yaml")["Resources"]["UniTok"]["Properties"]
    assert handed["Parameters"]["Runtime"] == {"Fn::FindInMap": runtime}
    assert handed["Parameters"]["Architecture"] == {"Fn::FindInMap": architecture}


def test_the_layer_of_a_nested_template_is_the_shared_one() -> None:
    layers = of_type("AWS::Serverless::LayerVersion")
    assert sorted(layers) == ["SharedLayer", "UniTokLayer"]
    shared = aws_template.read(ROOT / "template.yaml")["Resources"]["SharedLayer"]
    unitok = aws_template.read(ROOT / "src/unitok/template.yaml")["Resources"]["UniTokLayer"]
    folders = ROOT / shared["Properties"]["ContentUri"], ROOT / "src/unitok/../layer"
    assert unitok["Properties"]["ContentUri"] == "../layer"
    assert folders[0].resolve() == folders[1].resolve()
    assert shared["Properties"].keys() == unitok["Properties"].keys()


def test_what_a_nested_template_says_of_its_functions_and_apis_is_what_the_root_says() -> None:
    root = aws_template.read(ROOT / "template.yaml")["Globals"]
    nested = aws_template.read(ROOT / "src/unitok/template.yaml")["Globals"]
    assert nested["HttpApi"] == root["HttpApi"]
    same = ("Tracing", "Timeout", "MemorySize")
    assert [nested["Function"][n] for n in same] == [root["Function"][n] for n in same]
    assert nested["Function"]["Environment"]["Variables"] == {
        "LOG_LEVEL": "INFO", "METRICS_NAMESPACE": {"Ref": "StackName"}
    }  # fmt: skip


def makefile_of(folder: Path) -> str:
    return (folder / "Makefile").read_text()
