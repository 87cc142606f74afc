"""The tracking repository: what is declared, what was observed, what was done."""

from ops.cli import Context, task


@task(help={"path": "the folder to make; it must be new or empty"})
def init(context: Context, path: str) -> int | None:
    """Make an inventory from the sample: keys, first commit, this machine its controller.

    Usage: fab inventory.init path=DIR
    """
    from pathlib import Path

    from ops.cli import output
    from ops.cli.place import PROJECT
    from ops.errors import UsageError
    from ops.inventory.creation import create

    if not path:
        raise UsageError("inventory.init: path= is empty", "Name the folder to make: path=DIR.")
    made = create(PROJECT / "inventory", Path(path), PROJECT)
    output.say_aside(
        f"{made.path} is made, with the sample fleet in it.",
        "Put your hosts and settings into site.yaml and components/, commit, and select it:",
    )
    output.say(f"export OPS_INVENTORY={made.path}")
    return 0


@task(name="list")
def listing(context: Context, *, json: bool = False) -> int | None:
    """List the components: owner, phase, what it is."""
    from ops.cli import output, repository

    repo = repository()
    found = repo.components()
    states = {name: repo.state(name) for name in found}
    rows = [(name, one.owner, states[name].phase, one.description) for name, one in found.items()]
    output.table(("component", "owner", "phase", "description"), rows)
    output.document(
        {
            name: {"owner": owner, "phase": phase, "description": words}
            for name, owner, phase, words in rows
        }
    )
    return 0


@task(app="many")
def show(context: Context, app: str, *, json: bool = False) -> int | None:
    """Show a component: what is declared, and what was observed."""
    from ops.cli import output, repository
    from ops.inventory.recovery import state_text

    repo = repository()
    component, state = repo.component(app), repo.state(app)
    output.say(repo.source(app).rstrip(), "", state_text(state).rstrip())
    output.document(
        {
            "component": component.model_dump(mode="json", by_alias=True),
            "state": state.model_dump(mode="json", by_alias=True),
        }
    )
    return 0


@task(
    name="set",
    app="one",
    help={"key": "dotted, as backup.keep.daily or probes.0.interval", "value": "as in YAML"},
)
def set_value(
    context: Context, app: str, key: str, value: str, *, plan: bool = False, expect: str = ""
) -> int | None:
    """Change one value of a component and commit that; comments and layout stay.

    Usage: fab inventory.set app=wiki key=backup.keep.daily value=14
    """
    from ops.cli import output, repository, settle
    from ops.inventory import amend

    repo = repository()
    decided = amend.decide(repo, app, key, value)
    if not settle(decided.plan, show=plan, expect=expect):
        return 0
    amend.carry_out(repo, decided)
    output.say(f"{app}: set and committed")
    return 0


@task()
def validate(context: Context, *, json: bool = False) -> int | None:
    """Check all files of the inventory; name every mistake with its place."""
    from dataclasses import asdict

    from ops.cli import output, repository

    repo = repository()
    problems = repo.problems()
    output.say(*(str(problem) for problem in problems))
    if not problems:
        output.say(f"{repo.path}: {len(repo.names())} components, nothing wrong")
    output.document({"problems": [asdict(problem) for problem in problems]})
    return 1 if problems else 0


@task(app="many", help={"limit": "how many entries, the newest first"})
def history(context: Context, app: str, *, limit: int = 20, json: bool = False) -> int | None:
    """Tell what was changed on and done with a component, from the repository's commits."""
    from ops.cli import output, repository

    entries = repository().history(app, limit)
    rows = [(entry.at, entry.who, entry.words) for entry in entries]
    output.table(("when", "who", "what"), rows, title=app)
    output.document([{"at": at, "who": who, "what": words} for at, who, words in rows])
    return 0


@task()
def diff(context: Context) -> int | None:
    """Show edits that are not committed yet; tasks refuse to act on them."""
    from ops.cli import output, repository

    repo = repository()
    repo.is_versioned()
    edits = repo.git.run("diff", "HEAD").rstrip()
    new = [f"not committed at all: {name}" for name in repo.git.untracked()]
    if not edits and not new:
        new = [f"{repo.path}: everything is committed"]
    output.say(*([edits] if edits else []), *map(output.printable, new))
    return 0


@task()
def docs(context: Context) -> int | None:
    """Print the page that explains every key of the inventory's files."""
    from ops.cli import output
    from ops.inventory.manual import page

    output.say(page().rstrip())
    return 0
