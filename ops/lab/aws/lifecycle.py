"""Data Lifecycle Manager, which moto has not: policies are kept, checked by botocore's own model.

It makes no snapshots: that a policy does what it says is AWS's to keep.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ops.lab.aws import replies
from ops.lab.aws.replies import Call, Reply

_PATH = re.compile(r"/policies(?:/(?P<id>policy-[0-9a-f]+))?/?")
_OPERATIONS = {
    ("POST", False): "CreateLifecyclePolicy",
    ("GET", False): "GetLifecyclePolicies",
    ("GET", True): "GetLifecyclePolicy",
    ("PATCH", True): "UpdateLifecyclePolicy",
    ("DELETE", True): "DeleteLifecyclePolicy",
}
_DEFAULTS = {"PolicyLanguage": "STANDARD", "ResourceLocations": ["CLOUD"]}
"""What DLM adds to a policy's details by itself."""


@dataclass
class Policies:
    """The policies of one account, by region and id."""

    _kept: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, environ: dict[str, Any], call: Call) -> Reply:
        """Return the reply to one request."""
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        wanted = found and (environ["REQUEST_METHOD"], found["id"] is not None)
        name = _OPERATIONS.get(wanted) if wanted else None
        if found is None or name is None:
            return replies.error("dlm", "UnsupportedOperation", "the lab knows policies only", 400)
        body = json.loads(environ["wsgi.input"].read() or b"{}")
        path = {"PolicyId": found["id"]} if found["id"] else {}
        if wrong := list(_faults(_shape(name), {**body, **path})):
            return replies.error("dlm", "InvalidRequestException", "; ".join(wrong), 400)
        with self._lock:
            return self._carry_out(name, call.region, found["id"] or "", body)

    def _carry_out(self, name: str, region: str, policy_id: str, body: dict[str, Any]) -> Reply:
        if name == "CreateLifecyclePolicy":
            policy_id = f"policy-{secrets.token_hex(9)[:17]}"
            self._kept[region, policy_id] = {"PolicyId": policy_id, **_completed(body)}
            return replies.document({"PolicyId": policy_id})
        if name == "GetLifecyclePolicies":
            mine = [told for (where, _), told in self._kept.items() if where == region]
            short = ("PolicyId", "Description", "State", "Tags")
            listed = [{key: told[key] for key in short if key in told} for told in mine]
            return replies.document({"Policies": listed})
        kept = self._kept.get((region, policy_id))
        if kept is None:
            return replies.error("dlm", "ResourceNotFoundException", f"no {policy_id}", 404)
        if name == "GetLifecyclePolicy":
            return replies.document({"Policy": kept})
        if name == "UpdateLifecyclePolicy":
            kept.update(_completed(body))
        else:
            del self._kept[region, policy_id]
        return replies.document({})


def _completed(body: dict[str, Any]) -> dict[str, Any]:
    details = body.get("PolicyDetails")
    return {**body, "PolicyDetails": {**_DEFAULTS, **details}} if details else body


@cache
def _shape(operation: str) -> Any:
    import botocore.session

    model = botocore.session.Session().get_service_model("dlm")
    return model.operation_model(operation).input_shape


def _faults(shape: Any, value: Any) -> Iterator[str]:
    """Yield what botocore's model has against a request: types, names, lengths, patterns."""
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from _mismatches(shape, value, shape.name)


def _mismatches(shape: Any, value: Any, at: str) -> Iterator[str]:
    """Yield what does not match a pattern or an enumeration, which botocore itself lets pass."""
    if shape.type_name == "structure":
        for key, inner in value.items():
            yield from _mismatches(shape.members[key], inner, f"{at}.{key}")
    elif shape.type_name == "list":
        most = shape.metadata.get("max")
        if most is not None and len(value) > most:
            yield f"{at}: more than {most}"
        for inner in value:
            yield from _mismatches(shape.member, inner, at)
    elif shape.type_name == "string":
        pattern, known = shape.metadata.get("pattern"), getattr(shape, "enum", [])
        if known and value not in known:
            yield f"{at}: {value!r} is none of {', '.join(known)}"
        elif pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
            yield f"{at}: {value!r} does not match {pattern}"
