"""The fleet at a glance."""

from ops.cli import Context, task


@task()
def status(context: Context, *, live: bool = False, json: bool = False) -> int | None:
    """Show every component's phase, instance, transfer, verification and backup.

    From the records; live=true also asks AWS and the hosts. It exits 1 when something
    that was done has come undone: a failed verification, an overdue backup, a dead host.
    """
    from datetime import UTC, datetime

    from ops.cli import output, repository
    from ops.fleet import live as network
    from ops.fleet import status

    repo = repository()
    names = repo.components()
    states = {name: repo.state(name) for name in names}
    lines = status.overview(names, states, datetime.now(UTC))
    if live:
        lines = network.look(repo, lines, states)
    output.table(status.COLUMNS, [line.cells() for line in lines])
    output.document([line.data() for line in lines])
    return 1 if status.worst(lines) == "bad" else 0
