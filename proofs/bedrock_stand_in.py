"""Bedrock's Converse over HTTP, on this machine: it plays a script, and looks at every signature.

What it takes and streams is the test kit's `ConverseStandIn`; here are the wire and the signature.

Source: Amazon Bedrock, "ConverseStream"; AWS, "Event stream encoding"; SigV4.
"""

import binascii
import json
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from converse_stand_in import ConverseStandIn, Script, StandInError

_TEXT_HEADER = 7


@dataclass(frozen=True)
class Signed:
    """Who a request says that it is from.

    Attributes:
        access_key_id: The key.
        region: The region that the signature is for.
        service: The service that it is for.
        token: The session token that came along, or "".
        is_good: Whether the signature is one of the key's secret.
    """

    access_key_id: str
    region: str
    service: str
    token: str
    is_good: bool


class BedrockStandIn:
    """Serves until closed.

    Attributes:
        keys: The secret of each access key that it knows.
        signed: Who signed each request, in order; also of those that it refused.
        model_ids: The model of each request that was not refused.
        faults: What a request or the script did that Bedrock would not accept.
        refuses_with: A status, a code and a message to answer with, while there are.
        breaks: Breaks the next answer off in its midst.
    """

    def __init__(self, script: Script, keys: dict[str, str]) -> None:
        self.keys = keys
        self.signed: list[Signed] = []
        self.model_ids: list[str] = []
        self.faults: list[str] = []
        self.refuses_with: tuple[int, str, str] | None = None
        self.breaks = False
        self.converse = ConverseStandIn(script)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, list[bytes]]:
        """Returns the status, the code of an error, and the pieces of the body."""
        signed = self._signed(path, headers, body)
        self.signed.append(signed)
        if self.refuses_with:
            return _error(*self.refuses_with)
        if signed.access_key_id not in self.keys:
            return _error(403, "UnrecognizedClientException", "The security token is invalid.")
        if not signed.is_good:
            return _error(403, "InvalidSignatureException", "The signature does not match.")
        model_id = unquote(path.split("/")[2])
        try:
            answer = self.converse.converse_stream(modelId=model_id, **json.loads(body))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return _error(status, error.response["Error"]["Code"], str(error))
        except StandInError as fault:
            self.faults.append(repr(fault))
            return _error(400, "ValidationException", str(fault))
        self.model_ids.append(model_id)
        return (
            200,
            "",
            [event_message(*item) for event in answer["stream"] for item in event.items()],
        )

    def _signed(self, path: str, headers: Mapping[str, str], body: bytes) -> Signed:
        given = {name.lower(): value for name, value in headers.items()}
        fields = dict(
            part.strip().split("=", 1)
            for part in given["authorization"].partition(" ")[2].split(",")
        )
        key_id, _, region, service, _ = fields["Credential"].split("/")
        token = given.get("x-amz-security-token", "")
        names = fields["SignedHeaders"].split(";")
        request = AWSRequest("POST", f"http://{given['host']}{path}", data=body)
        for name in names:
            request.headers[name] = given[name]
        request.context["timestamp"] = given["x-amz-date"]
        signer = SigV4Auth(Credentials(key_id, self.keys.get(key_id, "?")), service, region)
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        return Signed(key_id, region, service, token, fields["Signature"] == expected)


def _error(status: int, code: str, message: str) -> tuple[int, str, list[bytes]]:
    return status, code, [json.dumps({"message": message}).encode()]


def event_message(kind: str, payload: dict[str, Any]) -> bytes:
    """Returns one message of an event stream."""
    texts = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack(">BH", _TEXT_HEADER, len(value))
        + value.encode()
        for name, value in texts.items()
    )  # fmt: skip
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def _handler_of(served: BedrockStandIn) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, code, pieces = served.answer(self.path, self.headers, body)
            self.send_response(status)
            if code:
                self.send_header("x-amzn-ErrorType", f"{code}:http://internal.example.com/")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(pieces[0])))
                self.end_headers()
                self.wfile.write(pieces[0])
                return
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if served.breaks:
                    served.breaks, self.close_connection = False, True
                    return
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    return Handler
