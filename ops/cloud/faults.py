"""What botocore raises, as CloudErrors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ops.cloud.errors import CloudError, refused

T = TypeVar("T")


def translated(name: str, subject: str, call: Callable[[], T]) -> T:
    """Return what `call` returns. Raise CloudError for whatever botocore raises in it."""
    from botocore import exceptions as botocore

    try:
        return call()
    except botocore.ClientError as error:
        reply = error.response.get("Error", {})
        code, said = reply.get("Code", "Unknown"), reply.get("Message") or "no reason given"
        raise refused(str(code), error.operation_name, subject, str(said)) from None
    except botocore.BotoCoreError as error:
        raise CloudError(_code(error), name, subject, _said(error)) from None


def _code(error: Exception) -> str:
    from botocore import exceptions as botocore
    from botocore.parsers import ResponseParserError

    kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
        ((botocore.NoCredentialsError, botocore.PartialCredentialsError), "NoCredentials"),
        (botocore.ReadTimeoutError, "ReadTimeout"),
        (botocore.ConnectionClosedError, "ConnectionClosed"),
        (botocore.ResponseStreamingError, "ConnectionClosed"),
        (ResponseParserError, "InternalError"),
        ((botocore.ConnectionError, botocore.HTTPClientError), "Unreachable"),
        ((botocore.TokenRetrievalError, botocore.UnauthorizedSSOTokenError), "ExpiredToken"),
    ]
    return next((code for kind, code in kinds if isinstance(error, kind)), type(error).__name__)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
