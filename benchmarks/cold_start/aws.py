"""What the functions ask of AWS before their first answer, answered on 127.0.0.1 at once.

Not an AWS: it keeps the items that are put, by table, and accepts everything else. So the agent's
first answer leaves the approval that the approval function's first answer shows.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from benchmarks.cold_start.loopback import Handler, serving

LINK_KEYS = {"current": "k1", "k1": "example-key-of-the-events-folder-only-0123456789"}
"""Sign the links in `events/`."""

_XML = (
    '<{0}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><{0}Result>{1}</{0}Result>'
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{0}Response>"
)
_SUBSCRIBED = (
    "<Attributes><entry><key>SubscriptionsConfirmed</key><value>1</value></entry></Attributes>"
)
_RESULTS = {
    "Publish": "<MessageId>1</MessageId>",
    "GetTopicAttributes": _SUBSCRIBED,
}


class Aws:
    """Answers; `unknown` names what it was asked and has no answer for."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._items: dict[str, Any] = {}

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answers a request of one of the JSON protocols."""
        match operation:
            case "GetSecretValue":
                return {"Name": "link-keys", "SecretString": json.dumps(LINK_KEYS)}
            case "PutItem":
                self._items[asked["TableName"]] = asked["Item"]
                return {}
            case "GetItem":
                # The session of a task that is new is not there, however often it was put.
                is_approval = asked["TableName"].endswith("approvals")
                item = self._items.get(asked["TableName"]) if is_approval else None
                return {"Item": item} if item else {}
            case "Query":
                return {"Items": [], "Count": 0, "ScannedCount": 0}
            case "ChangeMessageVisibility":
                return {}
        self.unknown.append(operation)
        return {}

    def answer_in_xml(self, action: str) -> str:
        """Answers a request of the query protocol."""
        if action not in _RESULTS:
            self.unknown.append(action)
        return _XML.format(action, _RESULTS.get(action, ""))

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serves until the block ends; yields the address for `AWS_ENDPOINT_URL`."""
        with serving(self._handler()) as address:
            yield f"http://{address}"

    def _handler(self) -> type[Handler]:
        aws = self

        class AwsHandler(Handler):
            def do_POST(self) -> None:
                body = self.body().decode()
                operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                if operation:
                    answer = json.dumps(aws.answer(operation, json.loads(body)))
                else:  # SNS speaks XML.
                    answer = aws.answer_in_xml(parse_qs(body)["Action"][0])
                kind = "application/x-amz-json-1.0" if operation else "text/xml"
                self.answer(200, answer.encode(), {"Content-Type": kind})

        return AwsHandler
