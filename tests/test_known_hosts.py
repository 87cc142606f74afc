from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import known_hosts
from ops.errors import OpsError
from ops.known_hosts import PublicKey
from tests.support.sshd import make_key


def key(seed: int) -> str:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([seed]) * 32
    return str(PublicKey("ssh-ed25519", blob))


names = st.sampled_from(["wiki.cloud.main", "wiki.campus.main", "[gate]:2222"])
good = st.builds(lambda name, seed: f"{name} {key(seed)}", names, st.integers(0, 5))
listed = st.builds(lambda a, b, seed: f"{a},{b} {key(seed)} note", names, names, st.integers(0, 5))
junk = st.text(st.characters(exclude_characters="\n"), max_size=40)
marked = st.builds(lambda line: f"@revoked {line}", good)


def joined(*kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ends = st.sampled_from(["", "\n"])
    return st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(st.one_of(*kinds)), ends)


texts = joined(good, listed, junk, marked, st.just("# wiki.cloud.main"))
single = joined(good, junk, marked)


def others(text: str, name: str) -> list[str]:
    """Return the lines that do not speak of the name."""
    return [line for line in text.split("\n") if name not in line and line]


@given(texts, names, st.integers(0, 5))
def test_a_pinned_key_is_the_only_one_of_its_name(text: str, name: str, seed: int) -> None:
    pinned = known_hosts.pin(text, name, key(seed))
    found = {str(each) for each in known_hosts.find(pinned, name)}
    gone = {str(each) for each in known_hosts.revoked(pinned, name)}
    assert found == {key(seed)} - gone


@given(single, names, st.integers(0, 5))
def test_pinning_keeps_all_other_lines(text: str, name: str, seed: int) -> None:
    pinned = known_hosts.pin(text, name, key(seed))
    assert others(pinned, name) == others(text, name)
    assert known_hosts.pin(pinned, name, key(seed)) == pinned


@given(single, names)
def test_removing_keeps_all_other_lines(text: str, name: str) -> None:
    assert others(known_hosts.remove(text, name), name) == others(text, name)


@given(texts, names)
def test_removing_takes_one_name_and_no_other(text: str, name: str) -> None:
    removed = known_hosts.remove(text, name)
    assert known_hosts.find(removed, name) == ()
    for other in {"wiki.cloud.main", "wiki.campus.main"} - {name}:
        assert known_hosts.find(removed, other) == known_hosts.find(text, other)


@given(st.text(max_size=200), names)
def test_no_text_blows_up(text: str, name: str) -> None:
    known_hosts.find(text, name)
    known_hosts.judge(text, name, PublicKey.parse(key(1)))


def test_a_replaced_key_stays_in_its_place() -> None:
    text = f"# ours\na.b.c {key(1)}\nwiki.cloud.main {key(2)} old\nd.e.f {key(3)}"
    pinned = known_hosts.pin(text, "wiki.cloud.main", key(4))
    assert pinned == f"# ours\na.b.c {key(1)}\nwiki.cloud.main {key(4)}\nd.e.f {key(3)}"


def test_a_line_of_several_names_loses_only_this_one() -> None:
    text = f"a,wiki.cloud.main,b {key(1)} note\n"
    assert known_hosts.remove(text, "wiki.cloud.main") == f"a,b {key(1)} note\n"


def test_a_name_is_replaced_in_whatever_case() -> None:
    text = f"WIKI.cloud.main {key(1)}\n"
    assert known_hosts.pin(text, "wiki.cloud.main", key(2)) == f"wiki.cloud.main {key(2)}\n"


def test_a_new_name_is_appended_on_a_line_of_its_own() -> None:
    assert known_hosts.pin("# no end", "a.b.c", key(1)) == f"# no end\na.b.c {key(1)}\n"


def test_revoked_wins_over_pinned() -> None:
    text = f"wiki.cloud.main {key(1)}\n@revoked * {key(1)}\n"
    assert known_hosts.judge(text, "wiki.cloud.main", PublicKey.parse(key(1))) == "revoked"
    assert known_hosts.find(text, "wiki.cloud.main") == ()


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("wiki.cloud.main {}", "trusted"),
        ("WIKI.cloud.main {}", "trusted"),
        ("wiki.*.main,!wiki.campus.main {}", "trusted"),
        ("*,!wiki.cloud.* {}", "unknown"),
        ("a,wiki.cloud.mai? {}", "trusted"),
        ("[w]iki.cloud.main {}", "unknown"),
        ("@cert-authority * {}", "unknown"),
        ("@strange wiki.cloud.main {}", "unknown"),
        ("wiki.cloud.main ssh-ed25519 AAAA", "unknown"),
        ("|1|broken {}", "unknown"),
        ("wiki.cloud.main " + key(9), "wrong"),
    ],
)
def test_lines_mean_what_they_mean_to_ssh(line: str, verdict: str) -> None:
    text = line.format(key(1)) + "\n"
    assert known_hosts.judge(text, "wiki.cloud.main", PublicKey.parse(key(1))) == verdict


def test_hashed_names_are_found_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"wiki.cloud.main {key(1)}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    text = file.read_text()
    assert "wiki" not in text
    assert known_hosts.judge(text, "wiki.cloud.main", PublicKey.parse(key(1))) == "trusted"
    assert known_hosts.pin(text, "wiki.cloud.main", key(2)) == f"wiki.cloud.main {key(2)}\n"


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    public = make_key(tmp_path / "key").with_suffix(".pub")
    said = subprocess.run(["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True)
    assert known_hosts.fingerprint(public.read_text()) == said.stdout.split()[1]


@pytest.mark.parametrize("wrong", ["", "ssh-ed25519", "ssh-ed25519 !!", "ssh-rsa " + key(1)[12:]])
def test_what_is_no_key_is_refused(wrong: str) -> None:
    with pytest.raises(OpsError, match="no public key"):
        known_hosts.pin("", "a.b.c", wrong)


@pytest.mark.parametrize("wrong", ["", "a b", "a,b", "*", "!a", "#a", "@a", "|1|a", "a\nb"])
def test_what_is_no_name_is_refused(wrong: str) -> None:
    with pytest.raises(OpsError, match="cannot be the name"):
        known_hosts.pin("", wrong, key(1))
