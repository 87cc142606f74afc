"""The inventory repo: found, and guarded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.inventory import machine
from ops.inventory.repository import Repository
from tests.support.inventories import PROJECT, SAMPLE, edit

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPVsehzWE4TQ06jXgFWlX7PLOKVc6uJjMsUescy7qCWY"


def test_the_variable_counts_before_the_file(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "fabric.yaml").write_text("inventory: elsewhere\n")
    found = Repository.find({"OPS_INVENTORY": str(repo.path)}, tmp_path)
    assert found == Repository(repo.path, tmp_path)


@pytest.mark.parametrize("place", ["fabric.yaml", "home/.fabric.yaml"])
def test_fabric_yaml_names_the_inventory(repo: Repository, tmp_path: Path, place: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / place).write_text("inventory: inventory\nrun: {echo: true}\n")
    assert Repository.find({"HOME": str(tmp_path / "home")}, tmp_path).path == repo.path


def test_no_inventory_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no inventory in") as caught:
        Repository.find({"OPS_INVENTORY": str(tmp_path)}, PROJECT)
    assert "fab inventory.init path=DIR" in caught.value.hint


def test_the_sample_is_read_and_never_changed() -> None:
    repo = Repository.find({}, PROJECT)
    assert repo.path == SAMPLE and repo.component("wiki")
    with pytest.raises(Refused, match="sample") as caught:
        repo.writable()
    assert "inventory.init" in caught.value.hint and not repo.var.exists()


def test_a_folder_that_is_no_repository_of_its_own_is_refused(repo: Repository) -> None:
    (repo.path / ".git").rename(repo.path / "no.git")
    with pytest.raises(Refused, match="no git repository of its own"):
        repo.writable()


@pytest.mark.parametrize("way", ["link", "../inventory"])
def test_the_sample_by_another_way_is_the_sample(tmp_path: Path, way: str) -> None:
    path = SAMPLE / way if way.startswith(".") else tmp_path / way
    if path != SAMPLE / way:
        path.symlink_to(SAMPLE)
    with pytest.raises(Refused, match="sample"):
        Repository.find({"OPS_INVENTORY": str(path)}, PROJECT).writable()


def test_a_relative_variable_starts_where_the_person_is(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.path.parent)
    assert Repository.find({"OPS_INVENTORY": "inventory"}, PROJECT).path == repo.path


def test_a_home_that_does_not_exist_is_told() -> None:
    with pytest.raises(OpsError, match="~nobody9/x: that account has no home"):
        Repository.find({"OPS_INVENTORY": "~nobody9/x"}, PROJECT)


def test_nothing_is_recorded_on_no_branch(repo: Repository) -> None:
    repo.git.run("checkout", "-q", "--detach")
    with pytest.raises(Refused, match="is on no branch"):
        repo.writable()


def test_nothing_is_recorded_into_a_merge_with_conflicts(repo: Repository) -> None:
    repo.git.run("branch", "other")
    edit(repo, "site.yaml", "epoch: 1", "epoch: 1 # ours")
    repo.git.run("checkout", "-q", "other")
    edit(repo, "site.yaml", "epoch: 1", "epoch: 1 # theirs")
    with pytest.raises(OpsError):
        repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "merge", "main")
    repo.git.run("checkout", "--theirs", "site.yaml")
    with pytest.raises(Refused, match=r"a merge left conflicts in site\.yaml"):
        repo.writable()


def test_an_inventory_without_a_commit_is_refused(repo: Repository) -> None:
    shutil.rmtree(repo.path / ".git")
    repo.git.run("init", "-q")
    with pytest.raises(Refused, match="has no commit yet"):
        repo.writable()


def test_an_epoch_that_is_no_number_is_refused(repo: Repository) -> None:
    (repo.var / "epoch").write_text("x\n")
    with pytest.raises(Refused, match="holds no number"):
        repo.writable()


def test_another_machine_is_refused(repo: Repository) -> None:
    repo.writable()
    id = repo.site().controller.machine_id
    edit(repo, "site.yaml", id, "0" * 32)
    with pytest.raises(Refused, match="this machine is not the controller"):
        Repository(repo.path, PROJECT).writable()


def test_a_controller_whose_time_is_over_is_refused(repo: Repository) -> None:
    edit(repo, "site.yaml", "epoch: 1", "epoch: 2")
    with pytest.raises(Refused, match="control has moved on"):
        Repository(repo.path, PROJECT).writable()


@pytest.mark.parametrize("name", ["site.yaml", "components/wiki.yaml"])
def test_uncommitted_edits_are_refused_by_name(repo: Repository, name: str) -> None:
    repo.clean("wiki")
    edit(repo, name, "\n", "\n# edited\n", commit=False)
    with pytest.raises(Refused, match=f"uncommitted edits in {name}") as caught:
        repo.clean("wiki")
    assert "fab inventory.diff" in caught.value.hint and f"add {name}" in caught.value.hint


def test_edits_of_other_components_do_not_matter(repo: Repository) -> None:
    edit(repo, "components/lists.yaml", "\n", "\n# edited\n", commit=False)
    repo.clean("wiki")


def test_a_new_component_must_be_committed(repo: Repository) -> None:
    text = (repo.path / "components" / "wiki.yaml").read_text()
    (repo.path / "components" / "wiki2.yaml").write_text(text)
    with pytest.raises(Refused, match=r"uncommitted edits in components/wiki2\.yaml"):
        repo.clean("wiki2")


@pytest.mark.parametrize("fault", ["missing", "open", "unknown"])
def test_records_that_could_not_be_signed_are_refused_before_any_work(
    repo: Repository, fault: str
) -> None:
    key = repo.var / "keys" / "signing"
    repo.signer({})
    if fault == "missing":
        key.unlink()
    elif fault == "open":
        key.chmod(0o644)
    else:
        (repo.path / "allowed_signers").write_text("")
    with pytest.raises(Refused):
        repo.signer({})


def test_host_keys_are_pinned_at_once(repo: Repository) -> None:
    repo.pin("wiki.cloud.main", f"{KEY} me")
    assert repo.known_hosts.read_text() == f"wiki.cloud.main {KEY}\n"
    assert repo.pinned("wiki.cloud.main") == KEY
    repo.unpin("wiki.cloud.main")
    assert repo.pinned("wiki.cloud.main") is None


def test_what_people_wrote_among_the_host_keys_stays_byte_for_byte(repo: Repository) -> None:
    theirs = (
        f"# compared on the console\r\n@revoked * {KEY}\nlists.campus.main {KEY}  Müller\n"
        f"lists.campus.main ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ==\n"
    ).encode("latin-1")
    repo.known_hosts.write_bytes(theirs)
    repo.pin("wiki.cloud.main", OTHER)
    assert repo.known_hosts.read_bytes() == theirs + f"wiki.cloud.main {OTHER}\n".encode()
    repo.unpin("wiki.cloud.main")
    assert repo.known_hosts.read_bytes() == theirs


def test_the_history_of_a_component_is_told(repo: Repository) -> None:
    edit(repo, "components/wiki.yaml", "Team wiki", "Our wiki")
    assert [entry.words for entry in repo.history("wiki", 9)] == ["edit", "Begin the inventory"]
    assert len(repo.history("wiki", 1)) == 1


def test_a_file_that_can_not_be_read_is_told(repo: Repository) -> None:
    (repo.path / "state" / "wiki.yaml").mkdir(parents=True)
    with pytest.raises(OpsError, match=r"state/wiki\.yaml:1:1: is no file"):
        repo.state("wiki")


def test_another_accounts_inventory_is_refused_by_its_name(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: repo.path.stat().st_uid + 1)
    with pytest.raises(Refused, match=f"belongs to the account {machine.user_name()}"):
        repo.writable()
