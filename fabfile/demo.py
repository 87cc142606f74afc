"""The main job from end to end, in a lab of its own, told by the commands a person types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.cli import Context, task
from ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ops.inventory.repository import Repository
    from ops.lab.demo import Act, Played
    from ops.pages.report import Section

SPOILT = "wiki"
YES = "yes=true"


@task(
    help={
        "keep": "leave the lab up, to look around in it",
        "dir": "the lab's folder (default: a new one)",
        "files": "documents to move",
    }
)
def demo(context: Context, *, keep: bool = False, dir: str = "", files: int = 3000) -> int | None:
    """Provision, move, verify, back up and prove two components in the lab; report it."""
    import tempfile
    from pathlib import Path

    from ops.cli import output
    from ops.cli.place import PROJECT
    from ops.inventory.repository import Repository
    from ops.lab import demo as lab_demo
    from ops.lab import lab

    folder = Path(dir or tempfile.mkdtemp(prefix="ops-demo-")).absolute()
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty", "Name a new folder with dir=, or none.")
    repo = Repository(folder / "inventory", PROJECT)
    page = PROJECT / "var" / "demo" / "report.html"
    try:
        played = _played(folder, repo, files)
        if not played[-1].good:
            lab_demo.keep_logs(folder, page.parent / "logs")
        if (repo.path / "site.yaml").exists():
            _report(repo, page, played)
    finally:
        if not keep and (folder / "lab.json").exists():
            lab.down(folder)
    output.table(["", "shown", "typed", "s"], [_row(one) for one in played], "What was done")
    if played[0].good:
        output.say(f"report: {page}")
    if not played[-1].good:
        output.say(f"the lab's logs: {page.parent / 'logs'}", *_surprise(played[-1]))
    if keep:
        output.say(f"export OPS_INVENTORY={repo.path}", f"fab lab.down dir={folder}")
    return 0 if all(one.good for one in played) else 1


def _played(folder: Path, repo: Repository, files: int) -> list[Played]:
    import os
    import sys
    from pathlib import Path

    from ops.cli import output
    from ops.lab import demo

    fab = Path(sys.executable).with_name("fab")
    environ = {**os.environ, "OPS_INVENTORY": str(repo.path)}
    return demo.play(_story(folder, repo, files), fab, environ, output.say)


def _story(folder: Path, repo: Repository, files: int) -> list[Act]:
    import os

    from ops.lab import abilities
    from ops.lab.demo import Act

    full = abilities.chosen("auto", os.environ.get("OPS_LAB", "")) == "full"
    stage = "campus hosts, a link of 70 ms and 500 Mbit/s" if full else "an sshd for each host"
    up = ("lab.up", f"dir={folder}", f"files={files}", "pages=200", "largest-mb=50")
    proof = ("verify.checksums",)
    story = [
        Act(f"A lab: AWS, {stage}", up),
        Act("What will be made, before anything is", ("provision", "app=wiki", "plan=true")),
        Act("Instances, volumes, host keys, packages and services", ("provision", "app=all")),
        Act("The same again: nothing to do", ("provision", "app=all")),
        Act("The practice run, metered", ("migrate.metered",)),
        Act("Every file is the same on both sides", proof),
        Act("One byte of one file is changed on the instance", deed=lambda: _spoil(repo)),
        Act("That file is found and named", (*proof, f"app={SPOILT}"), code=1),
        Act("The next run mends it", ("migrate.metered", f"app={SPOILT}")),
        Act("And all is the same again", (*proof, f"app={SPOILT}")),
    ]
    if full:
        story += [
            Act("The moved wiki answers from its new machine", deed=lambda: _visit(repo)),
            Act("Snapshots, frozen for the moment they begin", ("backup.snapshot", "app=all")),
            Act("And each restores: every file compared", ("backup.drill", "app=all")),
            Act("The wiki's machine loses its power", deed=lambda: _kill(repo)),
            Act("A successor gets its volumes and name", ("provision.replace", "app=wiki", YES)),
            Act("The wiki answers again, from there", deed=lambda: _visit(repo)),
            Act("Inventory, AWS and hosts agree", ("provision.drift",)),
        ]
    return [*story, Act("The fleet at a glance, asked live", ("status", "live=true"))]


def _spoil(repo: Repository) -> str:
    from ops import run
    from ops.inventory.schema import FileSet
    from ops.lab import demo

    first = next(iter(repo.component(SPOILT).data.values()))
    if not isinstance(first, FileSet):
        return "nothing: it is no set of files"
    as_root = repo.site().ssh.cloud.become == "sudo"
    with run.host(repo, SPOILT, "cloud", first.target.host) as host:
        return f"changed one byte of {demo.spoil(host, first.target.root, as_root=as_root)}"


def _visit(repo: Repository) -> str:
    from ops.lab import demo

    [probe] = [one for one in repo.component(SPOILT).probes if one.kind == "http"]
    address = repo.state(SPOILT).instances["main"].private_address
    return demo.fetch(f"http://{address}{probe.path}", probe.expect or "")


def _kill(repo: Repository) -> str:
    from ops.lab.aws.states import set_state

    instance = repo.state("wiki").instances["main"].id
    set_state(str(repo.site().cloud.endpoint), instance, "dead")
    return f"ended {instance} at once; EC2 goes on telling that it runs"


def _report(repo: Repository, page: Path, played: Sequence[Played]) -> None:
    from ops.fleet import evidence
    from ops.inventory import files
    from ops.pages.report import html

    moving = [name for name in repo.names() if repo.component(name).data]
    report = evidence.report(repo, moving, [_told(played)])
    files.make_folder(page.parent, 0o755)
    files.write(page, html(report, repo.template_folders()).encode())


def _told(played: Sequence[Played]) -> Section:
    from ops.pages.report import Cell, Section, Table

    rows: list[list[Cell]] = [
        [one.act.shows, one.act.typed, one.seconds, _mark(one)] for one in played
    ]
    return Section("What was done", table=Table(["Shown", "Typed", "s", "As expected"], rows))


def _row(one: Played) -> tuple[str, str, str, str]:
    return _mark(one), one.act.shows, one.act.typed, f"{one.seconds:.1f}"


def _surprise(one: Played) -> list[str]:
    return [f"{one.act.typed} ended with {one.code}, not with {one.act.code}:", *one.last]


def _mark(one: Played) -> str:
    return "yes" if one.good else f"NO: exit {one.code}"
