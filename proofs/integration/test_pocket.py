"""The AWS in memory, on which most tests run, held against the emulator: the same calls to both.

Calls are generated, and recorded from walks of the real functions. Neither is AWS: where the two
differ on purpose, the last tests say how and why.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import botocore.client
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from converse_stand_in import tool_use
from local_stack import LocalStack
from pocket import clients_made_once
from pocket_pair import BUCKET, PLAIN_BUCKET, SECRET, SERVICES, Pair, pair_with
from prove_figures import size
from world import TABLES, World, make_world


def examples(short: int, long: int) -> settings:
    return settings(
        max_examples=size(short, long),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.generate],  # To shrink a story takes minutes; a failure names its call.
    )


number = itertools.count()


@pytest.fixture(scope="module")
def pair(stack: LocalStack) -> Iterator[Pair]:
    clients = {name: stack.client(name) for name in SERVICES}
    with pair_with(clients) as pair:
        yield pair
    for client in clients.values():
        client.close()


# --- DynamoDB ------------------------------------------------------------------------------------

NAMES = {"#status": "status", "#action": "action"}
VALUES = {
    ":s": {"S": "APPROVED"},
    ":p": {"S": "PENDING"},
    ":n": {"S": "no"},
    ":f": {"N": "2"},
    ":g": {"N": "5"},
}
CONDITIONS = [
    "attribute_exists(session_id)",
    "attribute_not_exists(session_id)",
    "#status = :s",
    "#status <> :s",
    "fence < :f",
    "fence >= :f",
    "note > :f",
    "fence BETWEEN :f AND :g",
    "#status IN (:s, :p)",
    "NOT (fence >= :f OR attribute_exists(note))",
    ":f <= fence",
    "attribute_exists(session_id) AND #status <> :p AND lease_until < :f",
    "#status = :p AND fence > :f AND attribute_exists(#action)",
    "status = :s",
]
UPDATES = [
    "SET #status = :s",
    "SET #status = :s, note = :n ADD fence :f",
    "ADD fence :f",
    "ADD fence :g",
    "SET note = if_not_exists(note, :n)",
    "SET lease_until = if_not_exists(lease_until, :f) + :f",
    "REMOVE open_shard, due_at",
    "SET #status = :p REMOVE note",
    "SET open_shard = :n, due_at = :g",
]
# Without a condition: DynamoDB refuses them before it looks at one, the emulator after.
ALWAYS_REFUSED = ["SET session_id = :s", "SET status = :s"]
FALLIBLE_UPDATES = [
    "SET fence = fence + :f",
    "SET fence = lease_until - :g",
    "SET lease_until = fence, fence = lease_until",
    "SET open_shard = :f",
    "SET note = absent",
    "ADD note :f",
    *ALWAYS_REFUSED,
]
"""Refused, or refused of some items. No transaction has one: which reason counts is not agreed."""

RETURN_VALUES = ["ALL_NEW", "ALL_OLD", "NONE"]
# A query may not filter by its key, which the emulator does not know; see below.
NO_FILTERS = [condition for condition in CONDITIONS if re.search(r"session_id|^status", condition)]
PROJECTIONS = ["", "session_id, #status", "absent, note, fence", "tool_use_id, detail.#action"]
KEY_CONDITIONS = [
    "session_id = :session",
    "session_id = :session AND tool_use_id > :tool",
    "session_id = :session AND tool_use_id BETWEEN :session AND :tool",
    "session_id = :session AND begins_with(tool_use_id, :tool)",
    "tool_use_id = :tool",
    "session_id > :session",
]

keys = st.sampled_from([("a", "x"), ("a", "xy"), ("b", "x")])
conditions = st.one_of(st.just(""), st.sampled_from(CONDITIONS))
on_failure = st.sampled_from(["NONE", "ALL_OLD"])
attributes = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from([{"S": "PENDING"}, {"S": "APPROVED"}]),
        "action": st.just({"S": "publish_post"}),
        "note": st.sampled_from([{"S": "no"}, {"S": "nothing"}, {"N": "1"}, {"NULL": True}]),
        "fence": st.sampled_from([{"N": "0"}, {"N": "2"}, {"N": "1e2"}, {"N": "-7.50"}]),
        "lease_until": st.sampled_from([{"N": "1"}, {"N": "2"}]),
        "open_shard": st.sampled_from([{"S": "0"}, {"S": "1"}]),
        "detail": st.just({"M": {"action": {"L": [{"B": b"\x00"}, {"BOOL": True}]}}}),
    },
)
writes = st.one_of(
    st.tuples(st.just("put"), keys, attributes, conditions, on_failure),
    st.tuples(st.just("update"), keys, st.sampled_from(UPDATES), conditions, on_failure),
)
fallible = st.sampled_from([*UPDATES, *FALLIBLE_UPDATES])
calls = st.one_of(
    writes,
    writes,
    st.tuples(st.just("update"), keys, fallible, conditions, on_failure),
    st.tuples(st.just("delete"), keys, conditions, on_failure),
    st.tuples(st.just("get"), keys, st.sampled_from(PROJECTIONS)),
    st.tuples(st.just("query"), keys, st.sampled_from(KEY_CONDITIONS), conditions, st.booleans()),
    st.tuples(st.just("open"), st.sampled_from([None, 1, 2]), st.booleans()),
    st.tuples(st.just("transaction"), st.lists(writes, min_size=2, max_size=3)),
    st.tuples(st.just("batch"), st.lists(keys, min_size=1, max_size=4)),
    st.tuples(st.just("scan"), conditions),
)


class Story:
    """A list of calls on items of its own, made on both."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.prefix = pair, f"story-{next(number)}"
        self.table = {"TableName": pair.tables["ApprovalsTable"]}

    def key(self, key: tuple[str, str]) -> dict[str, Any]:
        return {"session_id": {"S": f"{self.prefix}-{key[0]}"}, "tool_use_id": {"S": key[1]}}

    def ask(self, operation: str, **params: Any) -> None:
        mine, theirs = self.pair.ask("dynamodb", operation, **params)
        assert in_order(mine) == in_order(theirs), f"{operation} {params}"

    def call(self, kind: str, *given: Any) -> None:
        getattr(self, kind)(*given)

    def put(self, *given: Any) -> None:
        self.ask("PutItem", **self.put_request(*given), ReturnValues="ALL_OLD")

    def update(self, *given: Any) -> None:
        wanted = RETURN_VALUES[len(str(given)) % len(RETURN_VALUES)]
        self.ask("UpdateItem", **self.update_request(*given), ReturnValues=wanted)

    def put_request(
        self, key: tuple[str, str], item: dict[str, Any], condition: str, on_failure: str
    ) -> dict[str, Any]:
        due = {"due_at": {"N": str(sum(map(ord, "".join(key))))}} if "open_shard" in item else {}
        shard = {"open_shard": self.shard(item["open_shard"])} if due else {}
        whole = {**item, **due, **shard, **self.key(key)}
        return {**self.table, "Item": whole, **conditional(condition, on_failure)}

    def update_request(
        self, key: tuple[str, str], update: str, condition: str, on_failure: str
    ) -> dict[str, Any]:
        condition = "" if update in ALWAYS_REFUSED else condition
        request = {**self.table, "Key": self.key(key), "UpdateExpression": update}
        return {**request, **conditional(condition, on_failure, update)}

    def delete(self, key: tuple[str, str], condition: str, on_failure: str) -> None:
        given = conditional(condition, on_failure)
        self.ask("DeleteItem", **self.table, Key=self.key(key), **given, ReturnValues="ALL_OLD")

    def get(self, key: tuple[str, str], projection: str) -> None:
        given = {"ProjectionExpression": projection} if projection else {}
        bound = placeholders(projection)
        bound.pop("ExpressionAttributeValues", None)
        self.ask("GetItem", **self.table, Key=self.key(key), **given, **bound)

    def query(self, key: tuple[str, str], condition: str, filter: str, forward: bool) -> None:
        filter = "" if filter in NO_FILTERS else filter
        given = {"FilterExpression": filter} if filter else {}
        values = {":session": self.key(key)["session_id"], ":tool": {"S": key[1]}}
        self.ask(
            "Query",
            **self.table,
            KeyConditionExpression=condition,
            ScanIndexForward=forward,
            **given,
            **placeholders(condition, filter, values=VALUES | values),
        )

    def open(self, limit: int | None, forward: bool) -> None:
        """Follows the pages of the index; where they end is not compared, all of them are."""
        request = {
            **self.table,
            "IndexName": "open-approvals",
            "KeyConditionExpression": "open_shard = :shard",
            "ExpressionAttributeValues": {":shard": self.shard({"S": "0"})},
            "ScanIndexForward": forward,
        }
        pages: tuple[list[Any], list[Any]] = ([], [])
        start = {"Limit": limit} if limit else {}
        while True:
            answers = self.pair.ask("dynamodb", "Query", **request, **start)
            for page, answer in zip(pages, answers, strict=True):
                page += answer["Items"]
            last = [answer.get("LastEvaluatedKey") for answer in answers]
            if not all(last):
                break
            assert last[0] == last[1]
            start["ExclusiveStartKey"] = last[0]
        assert pages[0] == pages[1]

    def transaction(self, writes: list[tuple[Any, ...]]) -> None:
        requests = {"put": self.put_request, "update": self.update_request}
        names = {"put": "Put", "update": "Update"}
        entries = []
        for kind, *rest in writes:
            request = requests[kind](*rest)
            entries.append({names[kind]: request})
        self.ask("TransactWriteItems", TransactItems=entries)

    def batch(self, wanted: list[tuple[str, str]]) -> None:
        asked = {"Keys": [self.key(key) for key in wanted], "ConsistentRead": True}
        self.ask("BatchGetItem", RequestItems={self.table["TableName"]: asked})

    def scan(self, condition: str) -> None:
        condition = "" if condition in NO_FILTERS else condition
        mine = "begins_with(session_id, :prefix)"
        condition = f"{mine} AND {condition}" if condition else mine
        bound = placeholders(condition, values=VALUES | {":prefix": {"S": self.prefix}})
        mine, theirs = self.pair.ask(
            "dynamodb", "Scan", **self.table, FilterExpression=condition, **bound
        )
        found = [sorted(a.get("Items", [a]), key=str) for a in (mine, theirs)]
        assert found[0] == found[1], condition

    def shard(self, shard: dict[str, str]) -> dict[str, str]:
        return {"S": f"{self.prefix}-{shard['S']}"}


def conditional(condition: str, on_failure: str, *others: str) -> dict[str, Any]:
    if not condition:
        return placeholders(*others)
    given = {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": on_failure}
    return given | placeholders(condition, *others)


def placeholders(*texts: str, values: dict[str, Any] = VALUES) -> dict[str, Any]:
    """The names and values that expressions use."""
    used = set(re.findall(r"[#:]\w+", " ".join(texts)))
    names = {name: NAMES[name] for name in used & NAMES.keys()}
    bound = {name: values[name] for name in used & values.keys()}
    given = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": bound}
    return {name: value for name, value in given.items() if value}


def in_order(answer: Any) -> Any:
    """A batch is answered in any order."""
    responses = answer.get("Responses", {})
    answer |= {"Responses": {t: sorted(items, key=str) for t, items in responses.items()}}
    return answer


@examples(20, 1_000)
@given(st.lists(calls, min_size=20, max_size=40))
def test_generated_calls_of_dynamodb_have_the_same_answers(pair: Pair, story: list[Any]) -> None:
    both = Story(pair)
    for kind, *rest in story:
        both.call(kind, *rest)


# --- SQS -----------------------------------------------------------------------------------------

queue_calls = st.one_of(
    st.tuples(st.just("send"), st.booleans()),
    st.tuples(st.just("receive"), st.integers(1, 10), st.sampled_from([0, 600]), st.booleans()),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("hide"), st.integers(0, 9), st.sampled_from([0, 60, 40_000])),
    st.tuples(st.just("look")),
)


class QueueStory:
    """A list of calls on the two queues, made on both."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.url = pair, pair.tasks_url
        self.handles: dict[str, str] = {}
        """Receipt handles of the messages that are in flight, by their bodies."""

    def ask(self, operation: str, **params: Any) -> None:
        mine, theirs = self.pair.ask("sqs", operation, QueueUrl=self.url, **params)
        assert mine == theirs, f"{operation} {params}"

    def send(self, has_attribute: bool) -> None:
        value = {"reason": {"DataType": "String", "StringValue": "because"}}
        body = f"message {next(number)}"
        self.ask("SendMessage", MessageBody=body, MessageAttributes=value if has_attribute else {})

    def receive(self, most: int, seconds: int, is_dead: bool) -> None:
        url = self.pair.dead_letters_url if is_dead else self.url
        params = {"MaxNumberOfMessages": most, "VisibilityTimeout": seconds}
        handles, (mine, theirs) = self.pair.receive(url, **params)
        assert mine == theirs, f"ReceiveMessage {params}"
        bodies = [message["Body"] for message in mine.get("Messages", ())]
        for body, handle in zip(bodies, handles, strict=True):
            self.handles.pop(body, None)
            if seconds and not is_dead:
                self.handles[body] = handle

    def delete(self, index: int) -> None:
        if index < len(self.handles):
            self.ask("DeleteMessage", ReceiptHandle=self.handles.pop([*self.handles][index]))

    def hide(self, index: int, seconds: int) -> None:
        if index < len(self.handles):
            body, handle = [*self.handles.items()][index]
            self.ask("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout=seconds)
            if not seconds:
                del self.handles[body]

    def look(self) -> None:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for url in (self.url, self.pair.dead_letters_url):
            answers = self.pair.ask(
                "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=[*names]
            )
            assert answers[0] == answers[1]


@examples(20, 500)
@given(st.lists(queue_calls, min_size=15, max_size=30))
def test_generated_calls_of_sqs_have_the_same_answers(pair: Pair, story: list[Any]) -> None:
    both = QueueStory(pair)
    for kind, *rest in story:
        getattr(both, kind)(*rest)


# --- SNS, S3, Secrets Manager --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("Approval needed", "Read: https://example.com"),
        ("x" * 99, "ü" * 131_072),
        ("x", "ü" * 131_072 + "x"),
    ],
    ids=["usual", "the largest", "too large"],
)
def test_publishing_has_the_same_answer(pair: Pair, subject: str, message: str) -> None:
    params = {"TopicArn": pair.topic_arn, "Subject": subject, "Message": message}
    mine, theirs = pair.ask("sns", "Publish", **params)
    assert mine == theirs


def test_a_topic_without_subscriptions_says_so_in_both(pair: Pair) -> None:
    answers = pair.ask("sns", "GetTopicAttributes", TopicArn=pair.topic_arn)
    confirmed = [answer["Attributes"]["SubscriptionsConfirmed"] for answer in answers]
    assert confirmed == ["0", "0"]


def test_a_topic_that_is_gone_is_the_same_error(pair: Pair) -> None:
    for operation, more in (("Publish", {"Message": "x"}), ("GetTopicAttributes", {})):
        mine, theirs = pair.ask("sns", operation, TopicArn=f"{pair.topic_arn}-gone", **more)
        assert mine == theirs


@pytest.mark.parametrize("bucket", [BUCKET, PLAIN_BUCKET])
def test_an_object_is_the_same_until_it_is_deleted(pair: Pair, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "s-1/agent/1-0-äöü"}
    for operation, more in (
        ("GetObject", {}),
        ("HeadObject", {}),
        ("PutObject", {"Body": b"\x00\xffsome"}),
        ("GetObject", {}),
        ("PutObject", {"Body": b"other"}),
        ("GetObject", {}),
        ("HeadObject", {}),
        ("DeleteObject", {}),
        ("DeleteObject", {}),
        ("GetObject", {}),
        ("HeadObject", {}),
    ):
        mine, theirs = pair.ask("s3", operation, **where, **more)
        assert mine == theirs, operation
    mine, theirs = pair.ask("s3", "GetObject", Bucket=f"{BUCKET}-gone", Key="x")
    assert mine == theirs


@pytest.mark.parametrize("bucket", [BUCKET, PLAIN_BUCKET])
def test_a_version_that_was_never_there_is_the_same_error(pair: Pair, bucket: str) -> None:
    for operation in ("GetObject", "HeadObject"):
        where = {"Bucket": bucket, "Key": "never", "VersionId": "0" * 32}
        mine, theirs = pair.ask("s3", operation, **where)
        assert mine == theirs, operation


def test_the_versions_of_an_object_are_the_same_until_each_is_deleted(pair: Pair) -> None:
    where = {"Bucket": BUCKET, "Key": "s-1/agent/versions"}

    def ask(operation: str, **params: Any) -> str:
        mine, theirs = pair.ask("s3", operation, **where, **params)
        assert mine == theirs, f"{operation} {params}"
        return pair.newest_version()

    first = ask("PutObject", Body=b"1")
    second = ask("PutObject", Body=b"2")
    marker = ask("DeleteObject")
    assert len({first, second, marker}) == 3
    for version in (first, second, marker):
        ask("GetObject", VersionId=version)
        ask("HeadObject", VersionId=version)
    ask("DeleteObject", VersionId=first)
    ask("GetObject", VersionId=first)
    ask("GetObject")
    ask("DeleteObject", VersionId=marker)
    ask("GetObject")
    ask("DeleteObject", VersionId=second)
    ask("GetObject")


def test_a_secret_is_the_same_as_long_as_it_is_there(pair: Pair) -> None:
    for operation, more in (
        ("GetSecretValue", {}),
        ("PutSecretValue", {"SecretString": "äöü"}),
        ("GetSecretValue", {}),
    ):
        mine, theirs = pair.ask("secretsmanager", operation, SecretId=SECRET, **more)
        assert mine == theirs, operation
    mine, theirs = pair.ask("secretsmanager", "GetSecretValue", SecretId="gone")
    assert mine == theirs


LETTER = {
    "Subject": {"Data": "Größe", "Charset": "UTF-8"},
    "Body": {
        "Text": {"Data": "Text", "Charset": "UTF-8"},
        "Html": {"Data": "<p>Text</p>", "Charset": "UTF-8"},
    },
    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
}


def send_letter(pair: Pair, sender: str, *to: str) -> tuple[Any, Any]:
    return pair.ask(
        "sesv2", "SendEmail", FromEmailAddress=sender, Destination={"ToAddresses": list(to)},
        Content={"Simple": LETTER},
    )  # fmt: skip


def test_a_letter_is_taken_of_a_sender_that_is_verified_alone(pair: Pair) -> None:
    pair.pocket.sesv2.add_identity("mail.example")
    pair.clients["sesv2"].create_email_identity(EmailIdentity="mail.example")
    for sender, is_taken in (("a@mail.example", True), ("a@deep.mail.example", True),
                             ("a@other.example", False)):  # fmt: skip
        mine, theirs = send_letter(pair, sender, "ann@example.com")
        assert mine == theirs
        assert ("Error" not in mine) is is_taken


def test_in_the_sandbox_a_letter_goes_to_verified_addresses_alone(pair: Pair) -> None:
    real, mine = pair.clients["sesv2"], pair.pocket.sesv2
    for address in ("from@sand.example", "ann@sand.example"):
        real.create_email_identity(EmailIdentity=address)
        mine.add_identity(address)
    details = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://example.com"}
    real.put_account_details(**details, ProductionAccessEnabled=False)
    mine.is_sandbox = True
    try:
        accounts = pair.ask("sesv2", "GetAccount")
        assert [a["ProductionAccessEnabled"] for a in accounts] == [False, False]
        for to, code in (("ann@sand.example", None), ("bob@sand.example", "MessageRejected")):
            one, other = send_letter(pair, "from@sand.example", to)
            assert one == other
            assert one.get("Error", {}).get("Code") == code
    finally:
        real.put_account_details(**details, ProductionAccessEnabled=True)
        mine.is_sandbox = False


def test_an_identity_that_is_not_there_is_the_same_error(pair: Pair) -> None:
    mine, theirs = pair.ask("sesv2", "GetEmailIdentity", EmailIdentity="gone.example")
    assert mine == theirs


def test_the_emulators_ses_takes_what_ses_refuses(pair: Pair) -> None:
    """A difference on purpose: nobody to send to, too many, and what is no address."""
    pair.pocket.sesv2.add_identity("from@example.net")
    pair.clients["sesv2"].create_email_identity(EmailIdentity="from@example.net")
    many = [f"p{n}@example.com" for n in range(51)]
    for to in ((), many, ["a@b@c"], ["ä@example.com"]):
        mine, theirs = send_letter(pair, "from@example.net", *to)
        assert mine["Error"]["Code"] == "BadRequestException"
        assert "Error" not in theirs


# --- what the functions ask ----------------------------------------------------------------------

Call = tuple[str, str, dict[str, Any]]
"""Service, operation, parameters."""

RECEIVING = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
"""Left out of the replay: which message comes depends on the queue. The stories above have them."""


def test_whatever_the_functions_ask_has_the_same_answers(pair: Pair) -> None:
    asked = recorded_calls(pair)
    operations = {operation for _, operation, _ in asked}
    assert operations >= {
        *("PutItem", "UpdateItem", "GetItem", "Query", "BatchGetItem", "TransactWriteItems"),
        *("PutObject", "GetObject", "DeleteObject", "SendMessage", "Publish", "GetSecretValue"),
        "GetTopicAttributes",
    }
    for service, operation, params in asked:
        mine, theirs = pair.ask(service, operation, **params)
        assert in_order(mine) == in_order(theirs), f"{operation} {params}"


def recorded_calls(pair: Pair) -> list[Call]:
    """Walks through two approvals in one turn, a denial, a reminder and an expiry."""
    calls: list[Call] = []
    with pytest.MonkeyPatch.context() as patch, clients_made_once():
        world = make_world(patch)
        names = {
            **{world.env[name]: pair.tables[TABLES[name]] for name in TABLES},
            world.env["TASK_QUEUE_URL"]: pair.tasks_url,
            world.env["APPROVAL_TOPIC_ARN"]: pair.topic_arn,
            world.env["STATE_BUCKET_NAME"]: BUCKET,
            world.env["LINK_KEYS_SECRET_ARN"]: SECRET,
        }
        make_call = botocore.client.BaseClient._make_api_call

        def recorded(client: Any, operation: str, params: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name
            if operation not in RECEIVING:
                calls.append((service, operation, renamed(params, names)))
            return make_call(client, operation, params)

        patch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)
        walk(world)
    return calls


def walk(world: World) -> None:
    def ask(number: int) -> dict[str, Any]:
        return tool_use(f"ask-{number}", "human_approval", {"content": draft(number)})

    def publish(number: int) -> dict[str, Any]:
        return tool_use(f"post-{number}", "publish_post", {"content": draft(number)})

    world.play([[ask(1), ask(2)], [publish(1), publish(2)], "Done."])
    world.start()
    world.sweep()
    for mail in world.read_mail():
        world.click(mail.links["approve"], decision="approved", comment="Fine.")
    world.deliver_until_quiet()
    assert len(world.posts()) == 2
    world.play([[ask(3)], [ask(4)], [ask(5)], "I stop."])
    world.start()
    world.click(world.read_mail()[0].links["deny"])
    world.deliver_until_quiet()
    for _ in range(2):
        world.step(1_800)
        world.sweep()
    world.deliver_until_quiet()


def draft(number: int) -> str:
    """A text so long that every pause writes the conversation's base to S3 anew."""
    return f"Draft {number} of " + " ".join(map(str, range(3_000)))


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Returns a copy that names the resources of the pair."""
    if isinstance(value, dict):
        return {renamed(k, names): renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(entry, names) for entry in value]
    return names.get(value, value) if isinstance(value, str) else value


# --- where they differ ---------------------------------------------------------------------------

KEY = {"session_id": {"S": "differing"}, "tool_use_id": {"S": "x"}}
S_AND_P = {":s": {"S": "a"}, ":p": {"S": "b"}}
DIFFERENCES = {
    "an update that names an attribute twice is refused": (
        "UpdateItem",
        {"UpdateExpression": "SET note = :s, note = :p", "ExpressionAttributeValues": S_AND_P},
    ),
    "a query's filter may not name the key": (
        "Query",
        {
            "KeyConditionExpression": "session_id = :s",
            "FilterExpression": "attribute_exists(tool_use_id)",
            "ExpressionAttributeValues": {":s": {"S": "a"}},
        },
    ),
}
"""What the emulator lets pass and DynamoDB refuses, by its developer guide; memory refuses it."""


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_memory_refuses_what_dynamodb_refuses(pair: Pair, difference: str) -> None:
    operation, request = DIFFERENCES[difference]
    request = {"TableName": pair.tables["ApprovalsTable"], **request}
    request |= {"Key": KEY} if operation == "UpdateItem" else {}
    mine, theirs = pair.ask("dynamodb", operation, **request)
    assert mine["Error"]["Code"] == "ValidationException"
    assert mine != theirs, "the emulator refuses it now, too: no difference any more"


def test_a_transaction_counts_whole_items_and_not_only_what_is_sent(pair: Pair) -> None:
    """Source: DynamoDB, "TransactWriteItems": the aggregate size of the items, at most 4 MB."""
    table = {"TableName": pair.tables["ApprovalsTable"]}
    keys = [{**KEY, "tool_use_id": {"S": f"large-{n:02}"}} for n in range(11)]
    for key in keys:
        item = key | {"note": {"S": "x" * 390 * 1_024}}
        mine, theirs = pair.ask("dynamodb", "PutItem", **table, Item=item)
        assert mine == theirs
    small = {"UpdateExpression": "ADD fence :f", "ExpressionAttributeValues": {":f": {"N": "1"}}}
    actions = [{"Update": {**table, "Key": key, **small}} for key in keys]
    mine, theirs = pair.ask("dynamodb", "TransactWriteItems", TransactItems=actions[:10])
    assert mine == theirs
    mine, theirs = pair.ask("dynamodb", "TransactWriteItems", TransactItems=actions)
    assert mine["Error"]["Code"] == "ValidationException"
    assert "Error" not in theirs, "the emulator counts items now, too: no difference any more"


def test_only_a_message_in_flight_can_be_hidden_longer(pair: Pair) -> None:
    """Source: SQS, "ChangeMessageVisibility": MessageNotInflight; at most 12 hours."""
    pair.ask("sqs", "SendMessage", QueueUrl=pair.dead_letters_url, MessageBody="differing")
    handles, _ = pair.receive(pair.dead_letters_url, MaxNumberOfMessages=10, VisibilityTimeout=60)
    params = {"QueueUrl": pair.dead_letters_url, "ReceiptHandle": handles[-1]}
    for seconds, code in (
        (43_201, "InvalidParameterValue"),
        (0, None),
        (60, "AWS.SimpleQueueService.MessageNotInflight"),
    ):
        change = {**params, "VisibilityTimeout": seconds}
        mine, theirs = pair.ask("sqs", "ChangeMessageVisibility", **change)
        assert mine.get("Error", {}).get("Code") == code
        assert "Error" not in theirs
