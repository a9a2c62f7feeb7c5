"""The pocket AWS as a whole: takes what botocore's clients are asked, answers or raises as AWS."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import Any

import botocore.client
import botocore.session
import pytest
from botocore import xform_name
from botocore.credentials import Credentials
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from longrunning_testkit.pocket.dynamodb import DynamoDB
from longrunning_testkit.pocket.errors import AwsError, NotInPocketError
from longrunning_testkit.pocket.fitting import fits
from longrunning_testkit.pocket.s3 import S3
from longrunning_testkit.pocket.secrets_manager import SecretsManager
from longrunning_testkit.pocket.sesv2 import SesV2
from longrunning_testkit.pocket.sns import Sns
from longrunning_testkit.pocket.sqs import Sqs

CREDENTIALS = Credentials("testing", "testing")


_validator = ParamValidator()


class Pocket:
    """All services. Their own methods (`add_table`, `add_queue`, …) set the stage for a test.

    Attributes:
        clock: Returns the time in seconds since the epoch.
        refused: What was asked for and is not here; a fixture asserts that this stays empty.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.dynamodb = DynamoDB(clock)
        self.sqs = Sqs(clock)
        self.sns = Sns(clock)
        self.s3 = S3(clock)
        self.secretsmanager = SecretsManager()
        self.sesv2 = SesV2(clock)
        self.refused: list[str] = []
        self._lock = threading.RLock()
        self._calls = 0

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Has every botocore client of this process talk to this, until the patch is undone."""

        def make_api_call(client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
            return self.call(client, operation, params)

        patch.setattr(botocore.client.BaseClient, "_make_api_call", make_api_call)

    def call(self, client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Does what a client was asked to do.

        Raises:
            botocore.exceptions.ClientError: As AWS would have it, of the client's own classes.
            botocore.exceptions.ParamValidationError: As botocore would have it.
            NotInPocketError: For an operation or a parameter that is not here.
        """
        model, event = _operation(client.meta.service_model, operation)
        client.meta.events.emit(event, params=params, model=model, context={})
        if not fits(params, model.input_shape):
            report = _validator.validate(params, model.input_shape)
            if report.has_errors():
                raise ParamValidationError(report=report.generate_report())
        method = self._method(model.service_model.service_name, operation, params)
        with self._lock:
            self._calls += 1
            metadata = _metadata(self._calls)
            try:
                return {**method(**params), "ResponseMetadata": metadata | {"HTTPStatusCode": 200}}
            except AwsError as error:
                raise _as_botocore_raises_it(error, client, operation, metadata) from None
            except NotInPocketError as gap:
                raise self._refuse(f"{operation}: {gap}") from None

    def _method(self, service: str, operation: str, params: dict[str, Any]) -> Callable[..., Any]:
        method = getattr(getattr(self, service, None), xform_name(operation), None)
        if method is None:
            raise self._refuse(f"{service} {operation}")
        if unknown := params.keys() - _parameters(method.__func__):
            raise self._refuse(f"{service} {operation} with {', '.join(sorted(unknown))}")
        return method

    def _refuse(self, what: str) -> NotInPocketError:
        self.refused.append(what)
        return NotInPocketError(what)


@contextmanager
def clients_made_once() -> Iterator[None]:
    """Makes every AWS client once, and sessions light: either takes longer than most tests.

    A session registers 150 handlers that matter to the clients it makes, and to nothing else: a
    whole one makes each first client. And it looks for credentials in ten places.
    """
    made: dict[Any, Any] = {}
    client_class = botocore.client.BaseClient
    init = botocore.session.Session.__init__
    create = botocore.session.Session.create_client

    def init_light(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{**kwargs, "include_builtin_handlers": False})

    def create_once(self: Any, service: str, *args: Any, **kwargs: Any) -> Any:
        region = kwargs.get("region_name") or (args[0] if args else None)
        key = service, region or self.get_config_variable("region")
        if key not in made:
            whole = botocore.session.Session.__new__(botocore.session.Session)
            init(whole)
            made[key] = create(whole, service, *args, **kwargs)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session.Session, "__init__", init_light)
        patch.setattr(botocore.session.Session, "create_client", create_once)
        patch.setattr(botocore.session.Session, "get_credentials", lambda _: CREDENTIALS)
        # Botocore makes a class, with its documentation, whenever it is asked for one.
        patch.setattr(client_class, "get_paginator", cache(client_class.get_paginator))
        yield


@cache
def _operation(service_model: Any, operation: str) -> tuple[Any, str]:
    """Returns an operation's model, and the name of what botocore emits before it."""
    model = service_model.operation_model(operation)
    name = f"{service_model.service_id.hyphenize()}.{operation}"
    return model, f"provide-client-params.{name}"


@cache
def _parameters(method: Any) -> frozenset[str]:
    return frozenset(signature(method).parameters) - {"self"}


def _metadata(number: int) -> dict[str, Any]:
    digits = f"{number:032x}"
    request_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"RequestId": request_id, "HTTPHeaders": {}, "RetryAttempts": 0}


def _as_botocore_raises_it(
    error: AwsError, client: Any, operation: str, metadata: dict[str, Any]
) -> Exception:
    details = {"Message": error.message, "Code": error.code}
    if error.modelled:
        details["QueryErrorCode"] = error.modelled
    response = {"Error": details, "ResponseMetadata": metadata | {"HTTPStatusCode": error.status}}
    kind: type[Exception] = client.exceptions.from_code(error.modelled or error.code)
    return kind({**response, **error.members}, operation)
