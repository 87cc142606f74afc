"""One lab's account in moto, which is one program-wide store: its machines and its memory.

moto's actions are methods of one class, `EC2Response`; the lab puts its own in front of
them. They find their lab by the account that the server writes into each request.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from ops.errors import OpsError
from ops.lab.aws.faults import Faults
from ops.lab.aws.tokens import Mismatch, Tokens
from ops.lab.machines import Machines

log = logging.getLogger(__name__)

_FIRST = 123456789012
_lock = threading.Lock()
_accounts: dict[str, Account] = {}
_made = 0


class Account:
    """What the lab's AWS keeps beside moto: machines, tokens, faults, the disks it has made."""

    def __init__(self, number: str, machines: Machines) -> None:
        self.number = number
        self.machines = machines
        self.tokens = Tokens()
        self.faults = Faults()
        self.disks: set[str] = set()
        """Volumes and snapshots that the machines know; root volumes are not among them."""
        self.health: dict[str, str] = {}
        """Instances that are not well: "impaired", or the code of an event that is announced."""
        self.hanging: set[str] = set()
        """Instances whose systems do not react: told to stop they are stopping, and stay so."""


def opened(machines: Machines) -> Account:
    """Return a new account; the first one of this program is 123456789012, as moto's own."""
    global _made  # noqa: PLW0603 - accounts are numbered for the whole program, as moto's are
    with _lock:
        account = Account(f"{_FIRST + _made:012d}", machines)
        _made += 1
        _accounts[account.number] = account
    return account


def closed(account: Account) -> None:
    """Forget an account; moto keeps what was in it until the program ends."""
    with _lock:
        _accounts.pop(account.number, None)


def of(response: Any) -> Account:
    """Return the account that a request to moto belongs to."""
    return _accounts[response.current_account]


def refusal(code: str, message: str) -> Exception:
    """Return an exception that moto turns into EC2's error reply."""
    from moto.ec2.exceptions import EC2ClientError

    return EC2ClientError(code, message)


def answer(result: object) -> Any:
    """Return a result as moto wants it from an action."""
    from moto.core.responses import ActionResult

    return ActionResult(result)


def once(response: Any, action: str, work: Callable[[], object]) -> tuple[object, bool]:
    """Return what `work` makes or made under the request's client token, and if it was made."""
    key = (response.region, action, response._get_param("ClientToken", ""))
    try:
        made = of(response).tokens.once(key, response.params, work)
    except Mismatch:
        raise refusal(
            "IdempotentParameterMismatch",
            "The client token you have provided is associated with a resource that was made"
            " with other parameters.",
        ) from None
    return made.result, made.repeated


def told(work: Callable[[], None], undo: Callable[[], object] | None) -> None:
    """Tell the machines something; when they fail in any way, undo it and answer InternalError.

    botocore then asks again. Without `undo` it would find the thing done: the answer is
    InternalFailure with a status that ends it.
    """
    from moto.ec2.exceptions import EC2ClientError

    try:
        work()
    except Exception as error:
        if not isinstance(error, OpsError | EC2ClientError):
            log.exception("the lab's machines failed")
        if undo is not None:
            undo()
        if isinstance(error, EC2ClientError):
            raise
        code = "InternalFailure" if undo is None else "InternalError"
        raise refusal(code, f"the lab's machines failed: {error}") from error
