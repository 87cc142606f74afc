"""What rsync says is read as it was meant, whatever files are called."""

import re
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ops.migrate.engine import rsync
from ops.migrate.engine.rsync import Failure, Output, Progress, Totals, complaints, progress_of

STATS = b"""
Number of files: 20,104 (reg: 20,000, dir: 101, link: 3)
Number of created files: 12 (reg: 10, dir: 2)
Number of regular files transferred: 10
Total file size: 1234567890 bytes
Total transferred file size: 1,000 bytes
Literal data: 900 bytes
Matched data: 100 bytes
Total bytes sent: 4,321
Total bytes received: 22
"""


def test_progress_between_files_has_counts() -> None:
    line = b"    1238099 100%  146.38kB/s    0:00:08 (xfr#5, to-chk=169/396)"
    assert progress_of(line) == Progress(1238099, 5, 169, 396)


def test_progress_within_a_file_has_bytes_only() -> None:
    assert progress_of(b"  32,768   3%    0.00kB/s   12:00:01") == Progress(32768)


def test_other_lines_are_no_progress() -> None:
    assert progress_of(b"Number of files: 3") is None
    assert progress_of(b"") is None


def test_totals_are_read_with_and_without_commas() -> None:
    assert rsync.totals(STATS) == Totals(20104, 20000, 1234567890, 10, 1000, 900, 4321)


def test_no_totals_are_zeros() -> None:
    assert rsync.totals(b"rsync error") == Totals()


@given(st.lists(st.integers(1, 40), max_size=30))
def test_output_is_read_whatever_the_chunks(cuts: list[int]) -> None:
    text = b"\r   100   1%  1.0kB/s  0:00:01\r   200   2%  1.0kB/s  0:00:00 (xfr#2, ir-chk=0/3)\n"
    text += STATS
    output = Output()
    for cut in cuts:
        output.feed(text[:cut])
        text = text[cut:]
    output.feed(text)
    assert (output.bytes, output.sent, output.totals().files) == (200, 2, 20000)


def test_progress_is_known_as_soon_as_it_is_told() -> None:
    output = Output()
    output.feed(b"\r       19136512  12%   17.90MB/s    0:00:07  ")
    assert output.bytes == 19136512


def test_complaints_name_what_failed_and_why() -> None:
    said = complaints(
        b'rsync: [sender] send_files failed to open "/s/a": Permission denied (13)\n'
        b'rsync: [sender] opendir "/s/b" failed: Permission denied (13)\n'
        b'rsync: [sender] readlink_stat("/s/c") failed: Input/output error (5)\n'
        b'rsync: [receiver] mkstemp "/t/.d.a1B2c3" failed: Permission denied (13)\n'
        b'rsync: [receiver] write failed on "/t/e": No space left on device (28)\n'
        b'rsync: rsync_xal_set: lsetxattr("/t/f","user.x") failed: Operation not supported (95)\n'
        b'rsync: [receiver] rename "/t/.ops-temp/.g.XyZ123" -> "g/g" failed: Is a directory (21)\n'
        b"could not make way for new regular file: h\n"
        b'rsync: [receiver] mkstemp "/t/.ops-temp/j.a1B2c3" failed: No space left on device (28)\n'
        b'file has vanished: "/s/i"\n'
        b"rsync error: some files/attrs were not transferred (code 23) at main.c(1394)\n"
    )
    assert [failure.path for failure in said.failed] == [
        b"/s/a", b"/s/b", b"/s/c", b"/t/d", b"/t/e", b"/t/f", b"g/g", b"h", b".../j",
    ]  # fmt: skip
    assert said.failed[4] == Failure(b"/t/e", "write failed on", "No space left on device", 28)
    assert said.vanished == (b"/s/i",)
    assert len(said.other) == 1


def test_an_entry_that_fails_twice_counts_once() -> None:
    line = b'rsync: [sender] send_files failed to open "/s/a": Permission denied (13)\n'
    assert len(complaints(line + line).failed) == 1


NAME = st.binary(min_size=1, max_size=12).filter(lambda raw: not set(raw) & {0, ord("/")})


@given(NAME)
def test_any_name_comes_back_from_a_complaint(raw: bytes) -> None:
    line = b'rsync: [sender] send_files failed to open "/s/%s": Permission denied (13)\n'
    (failure,) = complaints(line % _as_rsync_writes(raw)).failed
    assert failure.path == b"/s/" + raw


def _as_rsync_writes(raw: bytes) -> bytes:
    """Escape as rsync's filtered_fwrite does (log.c) in the C locale."""
    raw = re.sub(rb"\\(?=#[0-9]{3})", rb"\\#134", raw)
    return re.sub(rb"[^\t\x20-\x7e]", lambda one: b"\\#%03o" % one[0][0], raw)


def test_rsync_itself_names_a_hostile_file_so(tmp_path: Path) -> None:
    hostile = b'new\nline "q" \\#012 caf\xe9: x (3)'
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    (source / hostile.decode("utf-8", "surrogateescape")).write_bytes(b"x")
    (target / hostile.decode("utf-8", "surrogateescape") / "full").mkdir(parents=True)
    done = subprocess.run(
        ["rsync", "-a", f"{source}/", f"{target}/"],
        capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/usr/local/bin:/bin"},
        check=False,
    )
    assert hostile in [failure.path for failure in complaints(done.stderr).failed]


def test_rsync_counts_without_changing_anything(tmp_path: Path) -> None:
    (tmp_path / "s/sub").mkdir(parents=True)
    (tmp_path / "s/a").write_bytes(b"abc")
    (tmp_path / "s/sub/b").hardlink_to(tmp_path / "s/a")
    words = rsync.count(str(tmp_path / "s"), str(tmp_path / "none"), [], cross_mounts=False)
    out = subprocess.run(words, capture_output=True, check=True).stdout
    assert rsync.totals(out).files == 2
    assert not (tmp_path / "none").exists()


def test_the_words_end_with_both_places() -> None:
    words = rsync.send("/", ["ssh", "-p", "22"], ["--filter=- *.tmp"], cross_mounts=True)
    assert words[-4:] == ["ssh -p 22", "--", "/", "target:./"]
    assert "--one-file-system" not in words
    assert "--filter=- *.tmp" in words
