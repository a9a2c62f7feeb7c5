"""Requests signed with the owner's key (SigV4): checked as AWS checks them, and signed anew.

What is signed includes the host name, and the front door's is not the API's. So the front door
checks a signature itself, and signs again for the name that the API has.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.server import Headers, Request
from local.settings import REGION

_SERVICE = "execute-api"
_OF_THE_SIGNATURE = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256"})


class OwnerKey:
    """The key of the emulator's owner.

    Args:
        access_key_id: The key.
        secret_access_key: Its secret.
    """

    def __init__(self, access_key_id: str, secret_access_key: str) -> None:
        self._access_key_id = access_key_id
        self._secret = secret_access_key

    def has_signed(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Tells whether a request is signed with this key, and lately.

        Args:
            method: Such as `GET`.
            target: Path and query as they were sent.
            headers: By name in lower case.
            body: The whole body.
        """
        from ministack.core import sigv4  # Most runs get no signed request at the front door.

        signature = sigv4.parse_header_signature(headers)
        if isinstance(signature, tuple) or sigv4.request_time_failure(signature):
            return False
        path, _, text = target.partition("?")
        query = parse_qs(text, keep_blank_values=True)
        failure = sigv4.header_signature_failure(
            signature, self._secret, method, path, query, headers, body
        )
        return signature.access_key_id == self._access_key_id and not failure

    def sign(self, request: Request, method: str, host: str) -> Headers:
        """Returns the headers of a request signed for another host, that one among them."""
        kept = [(n, v) for n, v in request.headers.items() if n.lower() not in _OF_THE_SIGNATURE]
        url = f"http://{host}{request.target}"
        signed = AWSRequest(method, url, data=request.body, headers={"Host": host})
        credentials = Credentials(self._access_key_id, self._secret)
        SigV4Auth(credentials, _SERVICE, REGION).add_auth(signed)
        return [*kept, *((str(n), str(v)) for n, v in signed.headers.items() if n != "Host")]
