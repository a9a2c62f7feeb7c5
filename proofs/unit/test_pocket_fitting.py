"""What fits a shape, fits it for botocore as well; and what is asked every day is seen to fit."""

from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from longrunning_testkit.pocket.fitting import fits

TEXT, KEY = {"S": "a"}, {"id": {"S": "a"}}

GOOD = [
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": {"M": {"b": {"L": [TEXT]}}}}}),
    ("dynamodb", "Query", {"TableName": "t", "Limit": 1}),
    ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": b"c"}),
    ("sqs", "ReceiveMessage", {"QueueUrl": "u", "AttributeNames": ["All"]}),
]
BAD = [
    ("dynamodb", "GetItem", {"TableName": "t"}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "Else": 1}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": {"id": "a"}}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "ConsistentRead": "yes"}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": {1: TEXT}}),
    ("dynamodb", "GetItem", {"TableName": "", "Key": KEY}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": {"M": {"b": {"L": [{"S": 1}]}}}}}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": {"L": TEXT}}}),
    ("dynamodb", "Query", {"TableName": "t", "Limit": 0}),
    ("dynamodb", "Query", {"TableName": "t", "Limit": "1"}),
    ("dynamodb", "TransactWriteItems", {"TransactItems": []}),
    ("s3", "PutObject", {"Bucket": "b", "Key": "", "Body": b"c"}),
    ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": 1}),
    ("sqs", "ReceiveMessage", {"QueueUrl": "u", "AttributeNames": "All"}),
    ("sqs", "SendMessage", {"QueueUrl": "u", "MessageBody": None}),
]


@pytest.mark.parametrize(("service", "operation", "request_"), [*GOOD, *BAD])
def test_it_says_of_each_what_botocore_says(
    service: str, operation: str, request_: dict[str, Any]
) -> None:
    client = boto3.client(service, region_name="eu-west-1")
    shape = client.meta.service_model.operation_model(operation).input_shape
    is_good = not ParamValidator().validate(request_, shape).has_errors()
    assert fits(request_, shape) == is_good == ((service, operation, request_) in GOOD)


def test_what_it_does_not_know_is_left_to_botocore() -> None:
    client = boto3.client("dynamodb", region_name="eu-west-1")
    shape = client.meta.service_model.operation_model("DescribeTable").output_shape
    assert not fits({"Table": {"CreationDateTime": 1}}, shape)
