"""The lab's AWS: moto's server with real client tokens, faults on demand and machines behind it.

It answers on one loopback port, for one lab. Its own paths are private to the lab:

    GET    /lab/faults    the faults still to come
    POST   /lab/faults    one fault, or a list of them (see ops.lab.aws.faults)
    DELETE /lab/faults    forget them, and the counts
    GET    /lab/calls     how often each API call was made
    POST   /lab/state     {"id": "snap-...", "state": "error"}: change a resource's state; of an
                          instance "impaired", the code of an event, "hangs" (it goes on
                          stopping), "dead" (without power, and EC2 notices nothing), "ok"
    POST   /lab/policies  {"enforced": true}: let IAM policies decide from now on, or not

Its memory is this program's; it ends with it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.errors import OpsError
from ops.lab.aws import account as accounts
from ops.lab.aws import disks, images, instances, replies
from ops.lab.aws.account import Account
from ops.lab.aws.faults import Fault, Faults, fault
from ops.lab.aws.lifecycle import Policies
from ops.lab.aws.replies import Call, Reply
from ops.lab.machines import Machines

log = logging.getLogger(__name__)

_installed = threading.Lock()
_SERVED = frozenset({"ec2", "ssm", "sts", "iam", "s3"})
"""The services of moto that the suite asks."""


@dataclass(frozen=True)
class Server:
    """The lab's AWS, answering at `url`."""

    url: str
    account: str
    faults: Faults
    _stop: Callable[[], None]

    def close(self) -> None:
        """Stop answering; returns when the port is free."""
        self._stop()


def serve(machines: Machines, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Start the lab's AWS in this program and return it. Port 0: a free one is taken.

    Raise OpsError when the port is taken.
    """
    _install()
    from werkzeug.serving import make_server

    with _listening(host, port) as listening:
        account = accounts.opened(machines)
        server = make_server(
            host,
            port,
            Application(account),
            threaded=True,
            request_handler=_handler(),
            fd=listening.fileno(),
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()
        accounts.closed(account)

    return Server(f"http://{host}:{server.port}", account.number, account.faults, stop)


def enforce_policies(*, on: bool) -> None:
    """Let IAM policies decide about every call to this program's servers, or no longer.

    moto judges actions, not resources and conditions; keys it did not make are refused.
    """
    from moto import settings
    from moto.core.authorization import ActionAuthenticatorMixin

    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0 if on else float("inf")
    ActionAuthenticatorMixin.request_count = 0


class Application:
    """The WSGI application: the lab's own paths, faults, then moto."""

    def __init__(self, account: Account) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._account = account
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lifecycle = Policies()
        self._regions: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        call = replies.call(environ)
        path = environ.get("PATH_INFO", "")
        if path.startswith("/lab/"):
            reply: Reply | None = self._private(environ, path)
        elif path == "/" and not call.service and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            reply = replies.document({"lab": self._account.number})
        elif path.startswith("/moto-api"):
            reply = self._forward(environ, call)
        else:
            reply = self._answer(environ, call)
        if reply is None:
            return _hang_up(environ, start_response)
        start_response(reply.line, reply.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def _answer(self, environ: dict[str, Any], call: Call) -> Reply | None:
        """Return the reply to an API call; None for one that is lost on its way back."""
        self._prepare(call.region)
        hit = self._account.faults.take(call.action)
        if hit and hit.kind == "error":
            return replies.error(call.service, hit.code, hit.message, hit.status)
        if hit and hit.kind == "delay":
            time.sleep(hit.seconds)
        is_dlm = call.service == "dlm"
        reply = self._lifecycle.answer(environ, call) if is_dlm else self._forward(environ, call)
        return None if hit and hit.kind == "lost" else reply

    def _forward(self, environ: dict[str, Any], call: Call) -> Reply:
        from werkzeug.test import run_wsgi_app

        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account.number
        try:
            chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        except NotImplementedError as error:
            said = f"the lab's AWS does not know {call.service} {call.action}: {error}"
            return replies.error(call.service, "UnsupportedOperation", said, 400)
        except Exception as error:
            log.exception("moto failed in %s", call.action)
            said = f"the lab's AWS failed: {type(error).__name__}: {error}"
            if call.service in _SERVED:  # a fault in the middle, as AWS has them: ask again
                return replies.error(call.service, "InternalError", said, 500)
            return replies.error(call.service, "UnsupportedOperation", said, 400)
        reply = Reply(int(status.split()[0]), list(headers), b"".join(chunks))
        return replies.as_ec2_refuses(reply) if call.service == "ec2" else reply

    def _prepare(self, region: str) -> None:
        with self._lock:
            if region and region not in self._regions:
                images.add(self._account.number, region)
                self._regions.add(region)

    def _private(self, environ: dict[str, Any], path: str) -> Reply:
        try:
            wanted = (environ["REQUEST_METHOD"], path)
            return self._steer(wanted, environ["wsgi.input"].read())
        except (OpsError, ValueError, KeyError, TypeError) as error:
            return replies.document({"error": str(error)}, 400)

    def _steer(self, wanted: tuple[str, str], body: bytes) -> Reply:
        faults = self._account.faults
        match wanted:
            case ("GET", "/lab/faults"):
                pass
            case ("POST", "/lab/faults"):
                faults.add(*_faults(json.loads(body)))
            case ("DELETE", "/lab/faults"):
                faults.clear()
            case ("GET", "/lab/calls"):
                return replies.document(faults.calls())
            case ("POST", "/lab/state"):
                data = json.loads(body)
                _set_state(self._account, str(data["id"]), str(data["state"]))
            case ("POST", "/lab/policies"):
                enforce_policies(on=bool(json.loads(body)["enforced"]))
            case _:
                return replies.document({"error": "no such path"}, 404)
        return replies.document([one.data() for one in faults.pending()])


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket; werkzeug would print, and end the program, if it can't."""
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        why = error.strerror or error
        raise OpsError(
            f"the lab's AWS can't listen on {host}:{port}: {why}", "Take the other lab down."
        ) from error


def _faults(data: Any) -> list[Fault]:
    return [fault(one) for one in (data if isinstance(data, list) else [data])]


def _set_state(account: Account, resource: str, state: str) -> None:
    """Change the state of a snapshot or an instance's health, which moto never does."""
    from moto.ec2.models import ec2_backends

    for backend in ec2_backends[account.number].values():
        if resource in backend.snapshots:
            backend.snapshots[resource].status = state
            return
        found = backend.get_instance_by_id(resource)
        if found is not None:
            instances.set_health(account, found, state)
            return
    raise KeyError(f"no snapshot and no instance {resource}")


def _hang_up(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Close the connection: the work is done, and nobody hears of it."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    start_response("200 OK", [("Content-Length", "0")])
    return []


def _handler() -> type[Any]:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class Quiet(MotoRequestHandler):
        """Logs nothing: a person who wants to see calls asks /lab/calls."""

        def log(self, *_: object, **__: object) -> None:
            """Say nothing."""

    return Quiet


def _install() -> None:
    """Set moto up for the whole program: strict, without foreign images, with our actions."""
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    with _installed, _without_profile():
        from moto import settings
        from moto.core.base_backend import AccountSpecificBackend
        from moto.ec2.models.instances import Instance
        from moto.ec2.responses import EC2Response

        settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
        settings.ENABLE_KEYPAIR_VALIDATION = True
        settings.ENABLE_AMI_VALIDATION = True
        for action in (*_INSTANCES, *_DISKS):
            setattr(EC2Response, action.__name__, action)
        for name in (instances.private_dns_name, instances.public_dns_name):
            setattr(Instance, name.__name__, property(name))
        AccountSpecificBackend.get_session()  # kept, and made now


@contextmanager
def _without_profile() -> Iterator[None]:
    """Hide AWS_PROFILE: moto asks boto3 for the regions' names, and that would want it to exist."""
    hidden = {name: os.environ.pop(name, None) for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in hidden.items() if value is not None})


_INSTANCES: tuple[Callable[[Any], Any], ...] = (
    instances.run_instances,
    instances.start_instances,
    instances.stop_instances,
    instances.reboot_instances,
    instances.terminate_instances,
    instances.get_console_output,
    instances.describe_instance_status,
)
_DISKS: tuple[Callable[[Any], Any], ...] = (
    disks.create_volume,
    disks.attach_volume,
    disks.detach_volume,
    disks.delete_volume,
    disks.create_snapshot,
    disks.create_snapshots,
    disks.delete_snapshot,
    disks.describe_snapshots,
    disks.describe_volumes,
)
