"""Error replies in the formats of the AWS services, and what a request asks for."""

from __future__ import annotations

import io
import json
import re
import urllib.parse
from dataclasses import dataclass, replace
from typing import Any
from xml.sax.saxutils import escape

Headers = list[tuple[str, str]]

_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_REQUEST_ID = "00000000-1ab0-4000-8000-000000000000"


@dataclass(frozen=True)
class Call:
    """What a request asks for: service and region from its signature, action from its body."""

    service: str
    region: str
    action: str


@dataclass(frozen=True)
class Reply:
    """A whole HTTP reply."""

    status: int
    headers: Headers
    body: bytes

    @property
    def line(self) -> str:
        """Return the status as WSGI wants it."""
        return f"{self.status} {'OK' if self.status < 400 else 'Error'}"


def call(environ: dict[str, Any]) -> Call:
    """Return what a WSGI request asks for; its body is read and put back."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    action = target.rpartition(".")[2] or _form_action(environ, body)
    path = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
    service, region = (scope["service"], scope["region"]) if scope else ("", "")
    return Call(service, region, action or path)


def error(service: str, code: str, message: str, status: int) -> Reply:
    """Return an error reply as the service's own protocol has it."""
    text, said = escape(code), escape(message)
    if service == "ec2":
        inner = f"<Errors><Error><Code>{text}</Code><Message>{said}</Message></Error></Errors>"
        return _xml(status, f"<Response>{inner}<RequestID>{_REQUEST_ID}</RequestID></Response>")
    if service in {"sts", "iam", "sns", "route53", "elasticloadbalancing"}:
        inner = f"<Error><Type>Sender</Type><Code>{text}</Code><Message>{said}</Message></Error>"
        ending = f"<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
        return _xml(status, f"<ErrorResponse>{inner}{ending}")
    if service in {"s3", ""}:
        return _xml(status, f"<Error><Code>{text}</Code><Message>{said}</Message></Error>")
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    return Reply(status, headers, json.dumps({"__type": code, "message": message}).encode())


def as_ec2_refuses(reply: Reply) -> Reply:
    """Return moto's refusals as EC2 words them, and EC2's own faults with EC2's status.

    botocore asks again after a status of 500, as it does with EC2 (API Reference, "Error codes").
    """
    if reply.status == 400 and b"<Code>InternalError</Code>" in reply.body:
        return replace(reply, status=500)
    if reply.status == 403 and b"AccessDenied" in reply.body:
        said = "You are not authorized to perform this operation."
        return error("ec2", "UnauthorizedOperation", said, 403)
    if reply.status == 401 and b"AuthFailure" in reply.body:
        said = "AWS was not able to validate the provided access credentials"
        return error("ec2", "AuthFailure", said, 401)
    return reply


def document(data: object, status: int = 200) -> Reply:
    """Return JSON data as a reply."""
    body = json.dumps(data, indent=1, sort_keys=True).encode() + b"\n"
    return Reply(status, [("Content-Type", "application/json")], body)


def _form_action(environ: dict[str, Any], body: bytes) -> str:
    if "form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return ""
    found = urllib.parse.parse_qs(body.decode("utf-8", "replace")).get("Action", [""])
    return found[0]


def _xml(status: int, body: str) -> Reply:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return Reply(
        status, [("Content-Type", "text/xml;charset=UTF-8")], (declaration + body).encode()
    )
