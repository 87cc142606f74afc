"""Backups, and the proof that they restore."""

from ops.cli import Context, task


@task(app="many")
def snapshot(
    context: Context, app: str, *, plan: bool = False, expect: str = "", json: bool = False
) -> int | None:
    """Snapshot the component's data volumes, all of an instance in one moment."""
    from ops.backup import snapshot
    from ops.backup.plan import plan_snapshot
    from ops.cli import output, repository, settle

    repo = repository()
    decided = plan_snapshot(app, repo.component(app), repo.state(app))
    if not settle(decided, show=plan, expect=expect):
        return 0
    taken = snapshot.take(repo, app, decided)
    ids = ", ".join(f"{volume} {made}" for volume, made in sorted(taken.ids.items()))
    output.say(f"{app}: {taken.level} consistent, complete: {ids}", f"  run {taken.run}")
    output.document(taken.model_dump(mode="json"))
    return 0
