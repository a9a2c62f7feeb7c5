"""Secrets Manager: the value of a secret, by its name or ARN."""

from typing import Any

from longrunning_testkit.pocket.errors import AwsError


class SecretsManager:
    """All secrets; each has one version, the current one."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def add_secret(self, name: str, value: str) -> str:
        """Adds a secret; returns its ARN."""
        arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-a1b2c3"
        self._secrets[arn] = value
        return arn

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        arn = self._arn(SecretId)
        return {"ARN": arn, "Name": _name(arn), "SecretString": self._secrets[arn]}

    def put_secret_value(self, SecretId: str, SecretString: str) -> dict[str, Any]:
        arn = self._arn(SecretId)
        self._secrets[arn] = SecretString
        return {"ARN": arn, "Name": _name(arn)}

    def _arn(self, secret_id: str) -> str:
        for arn in self._secrets:
            if secret_id in (arn, _name(arn)):
                return arn
        message = "Secrets Manager can't find the specified secret."
        raise AwsError("ResourceNotFoundException", message)


def _name(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("-")[0]
