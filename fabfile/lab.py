"""AWS and real hosts on this machine, to try everything on."""

from typing import TYPE_CHECKING, Literal

from ops.cli import Context, task

if TYPE_CHECKING:
    from pathlib import Path

HELP = {"dir": "the lab's folder (default: the account's own)"}


@task(
    help=HELP
    | {
        "mode": "full: hosts that boot; light: an sshd each, data only; auto: what can be had",
        "seed": "the content is made from it",
        "files": "documents on the campus host",
        "pages": "pages of the campus wiki",
        "largest_mb": "size of the largest document",
        "delay_ms": "of the link between campus and EC2, each way",
        "rate_mbit": "of the link",
        "loss_percent": "of the link",
    }
)
def up(
    context: Context,
    *,
    dir: str = "",
    mode: Literal["auto", "full", "light"] = "auto",
    seed: int = 1,
    files: int = 20_000,
    pages: int = 300,
    largest_mb: float = 200.0,
    delay_ms: float = 35.0,
    rate_mbit: float = 500.0,
    loss_percent: float = 0.0,
) -> int | None:
    """Start the lab's AWS and its campus hosts, and write an inventory that points at them.

    The last line selects that inventory. The first full lab makes the hosts' image (a minute).
    """
    from ops.cli import output
    from ops.lab import lab

    wanted = lab.Wanted(seed, files, pages, largest_mb, delay_ms, rate_mbit, loss_percent)
    made = lab.up(_folder(dir), mode, wanted, tell=output.say_aside)
    output.say(f"export OPS_INVENTORY={made.inventory}")
    return 0


@task(help=HELP)
def status(context: Context, *, dir: str = "") -> int | None:
    """Show what of the lab runs."""
    from ops.cli import output
    from ops.lab import lab

    seen = lab.status(_folder(dir))
    output.say(f"{seen.lab.kind} lab {seen.lab.id} in {seen.lab.folder}")
    endpoint = seen.ready.endpoint if seen.ready else "no endpoint"
    output.say(f"AWS: {endpoint}, {'serving' if seen.serving else 'not running'}")
    for name, answers in seen.hosts.items():
        output.say(f"campus host {name}: {'answers' if answers else 'does not answer'}")
    return 0 if seen.serving and all(seen.hosts.values()) else 1


@task(help=HELP | {"keep_inventory": "leave the inventory with its records"})
def down(context: Context, *, dir: str = "", keep_inventory: bool = False) -> int | None:
    """Take the lab down, whatever has crashed: nothing of it stays."""
    from ops.cli import output
    from ops.lab import lab

    gone = lab.down(_folder(dir), keep_inventory=keep_inventory)
    output.say(f"the {gone.kind} lab {gone.id} is gone from {gone.folder}")
    return 0


def _folder(dir: str) -> "Path":
    import os
    from pathlib import Path

    from ops.lab import lab

    return Path(dir) if dir else lab.default_folder(os.environ)
