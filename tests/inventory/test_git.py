"""Git: our own paths only, whatever the person is doing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ops.errors import Incomplete, OpsError
from ops.inventory.git import Author, Git
from ops.inventory.repository import Repository

US = Author("ops", "ops@example.edu")


@pytest.fixture
def git(repo: Repository) -> Git:
    (repo.path / "state").mkdir()
    (repo.path / "state" / "wiki.yaml").write_text("ours")
    return repo.git


def committed(git: Git) -> list[str]:
    return git.run("show", "--name-only", "--format=", "HEAD").split()


def test_what_a_person_staged_stays_staged_and_out_of_the_commit(git: Git) -> None:
    (git.path / "notes").write_text("theirs")
    git.run("add", "notes")
    git.commit(["state/wiki.yaml"], "ours", US)
    assert committed(git) == ["state/wiki.yaml"]
    assert git.run("status", "--porcelain") == "A  notes\n"


def test_half_staged_work_stays_as_it_is(git: Git) -> None:
    site = git.path / "site.yaml"
    site.write_text("staged")
    git.run("add", "site.yaml")
    site.write_text("and edited again")
    git.commit(["state/wiki.yaml"], "ours", US)
    assert git.run("status", "--porcelain") == "MM site.yaml\n"
    assert git.run("show", ":site.yaml") == "staged"


def test_nothing_new_is_no_commit(git: Git) -> None:
    assert git.commit(["state/wiki.yaml"], "ours", US) is not None
    assert git.commit(["state/wiki.yaml"], "ours", US) is None


def test_a_detached_head_advances(git: Git) -> None:
    git.run("checkout", "-q", "--detach")
    made = git.commit(["state/wiki.yaml"], "ours", US)
    assert made == git.head() != git.run("rev-parse", "main").strip()


def test_a_removed_file_is_removed_by_the_commit(git: Git) -> None:
    git.commit(["state/wiki.yaml"], "ours", US)
    (git.path / "state" / "wiki.yaml").unlink()
    git.commit(["state/wiki.yaml"], "gone", US)
    assert git.run("ls-files", "state") == "" and git.run("status", "--porcelain") == ""


def test_hooks_and_settings_of_the_person_do_not_matter(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = git.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git.run("config", "commit.gpgSign", "true")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    git.commit(["state/wiki.yaml"], "ours", US)
    assert git.run("log", "-1", "--format=%an %ce") == "ops ops@example.edu\n"


def test_a_path_with_wildcards_is_a_path(git: Git) -> None:
    (git.path / "state" / "*").write_text("star")
    git.commit(["state/*"], "one file", US)
    assert committed(git) == ["state/*"]


def test_while_the_person_holds_the_index_ours_is_committed_and_mended_later(git: Git) -> None:
    lock = git.path / ".git" / "index.lock"
    lock.touch()
    git.commit(["state/wiki.yaml"], "ours", US)
    assert committed(git) == ["state/wiki.yaml"]
    lock.unlink()
    git.mend_index("state")
    assert git.run("status", "--porcelain") == ""


def test_a_lock_that_a_killed_git_left_is_removed_and_older_ones_are_not(git: Git) -> None:
    begun = time.time()
    old, new = git.path / ".git" / "HEAD.lock", git.path / ".git" / "index.lock"
    old.touch()
    os.utime(old, (begun - 3600, begun - 3600))
    new.touch()
    git.clear_locks(begun)
    assert old.exists() and not new.exists()


def test_a_lock_that_goes_while_it_is_looked_at_is_none(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, stat = git.path / ".git" / "index.lock", os.stat

    def last_look(path: Path, **given: bool) -> os.stat_result:
        try:
            return stat(path, **given)
        finally:
            if path == lock:
                lock.unlink(missing_ok=True)

    lock.touch()
    monkeypatch.setattr(os, "stat", last_look)  # which Path asks
    git.clear_locks(time.time())
    assert not lock.exists()


def test_what_git_says_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="not a git repository"):
        Git(tmp_path).run("status")
    with pytest.raises(OpsError, match=r"HEAD\.lock"):
        _locked(tmp_path)


def _locked(path: Path) -> None:
    git = Git(path)
    git.run("init", "-q")
    (path / "a").touch()
    (path / ".git" / "HEAD.lock").touch()
    (path / "var").mkdir()
    git.commit(["a"], "a", US)


def test_a_full_disk_is_for_another_time(git: Git) -> None:
    program = git.path / "var" / "git"
    program.write_text(
        "#!/bin/sh\necho 'error: unable to write: No space left on device' >&2\nexit 128"
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(program.parent))
        with pytest.raises(Incomplete, match="No space left"):
            git.run("write-tree")


def test_of_a_long_complaint_the_reason_is_told(git: Git) -> None:
    with pytest.raises(OpsError) as caught:
        git.run("update-index", "--nonsense")
    assert len(str(caught.value).splitlines()) == 2
