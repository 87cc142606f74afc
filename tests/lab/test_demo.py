"""The demo's acts: what is played, where it ends, and what is told of a surprise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.lab import demo
from ops.lab.demo import Act
from tests.support.fabric_tree import PROJECT

FAB = """#!/bin/sh
echo "provisioning" >&2
echo "documents: exit 1, no room" >&2
exit "$OPS_TEST_CODE"
"""


def test_the_first_surprise_ends_it_and_its_last_words_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fab = tmp_path / "fab"
    fab.write_text(FAB)
    fab.chmod(0o755)
    acts = [
        Act("as it should", ("provision",), code=4),
        Act("a surprise", ("provision", "app=all")),
        Act("never", ("status",)),
    ]
    told: list[str] = []
    played = demo.play(acts, fab, {**os.environ, "OPS_TEST_CODE": "4"}, told.append)
    assert [(one.good, one.code) for one in played] == [(True, 4), (False, 4)]
    assert played[-1].last == ("provisioning", "documents: exit 1, no room")
    assert told == ["\n# as it should\n$ fab provision", "\n# a surprise\n$ fab provision app=all"]
    assert capsys.readouterr().err.count("documents: exit 1, no room\n") == 2


def test_the_logs_of_a_lab_are_kept(tmp_path: Path) -> None:
    for name in ("daemon.log", "hosts/i-1/console", "hosts/wiki/console"):
        (tmp_path / "lab" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lab" / name).write_text(name)
    demo.keep_logs(tmp_path / "lab", tmp_path / "logs")
    kept = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert kept == {
        "daemon.log": "daemon.log",
        "i-1.console": "hosts/i-1/console",
        "wiki.console": "hosts/wiki/console",
    }


_PLAY = """
import os, pathlib, sys
from ops.lab import demo
demo.play([demo.Act("long", ("provision",))], pathlib.Path(sys.argv[1]), os.environ, print)
"""


def test_an_act_that_is_interrupted_ends_before_the_lab_does(tmp_path: Path) -> None:
    fab, ended = tmp_path / "fab", tmp_path / "ended"
    fab.write_text(
        f"#!/bin/sh\ntrap 'touch {ended}; exit 143' TERM\necho begun >&2\n"
        'while kill -0 "$PPID"; do sleep 0.1; done\n'  # not longer than who plays it
    )
    fab.chmod(0o755)
    words = [sys.executable, "-c", _PLAY, str(fab)]
    with subprocess.Popen(words, cwd=PROJECT, stderr=subprocess.PIPE) as playing:
        try:
            assert playing.stderr is not None
            assert playing.stderr.readline() == b"begun\n"  # passed on by who listens to the act
            playing.send_signal(signal.SIGINT)
            playing.communicate(timeout=60)
        finally:
            playing.kill()  # or the block would wait for it
    assert ended.exists()
    assert playing.returncode != 0
