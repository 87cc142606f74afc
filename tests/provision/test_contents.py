"""The files of an instance: rendered templates, and the hooks as they are."""

from __future__ import annotations

from ops.inventory.repository import Repository
from ops.provision.contents import HOOKS, files
from tests.support.inventories import PROJECT, SAMPLE


def test_the_hooks_of_backups_are_put_on_the_host_as_they_are() -> None:
    repo = Repository(SAMPLE, PROJECT)
    found = files(repo.template_folders(), repo.site(), "wiki", repo.component("wiki"), "main")
    by_path = {file.path: file for file in found}
    hook = by_path[f"{HOOKS}/wiki/pause-indexer"]
    assert hook.content == (SAMPLE / "templates/wiki/pause-indexer").read_bytes()
    assert hook.mode == "0755"


def test_the_hooks_of_a_database_are_put_on_the_host_that_it_goes_to() -> None:
    repo = Repository(SAMPLE, PROJECT)
    found = files(
        repo.template_folders(), repo.site(), "tracker", repo.component("tracker"), "main"
    )
    assert any(file.path.startswith(f"{HOOKS}/hooks/") for file in found)
