"""Lines of authorized_keys come and go; everybody else's stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError
from ops.migrate.engine.passes import added, line, mark, unexpired, without

KEY = "ssh-ed25519 AAAAC3Nz whatever"
LINE = line(KEY, mark("wiki", "R1"), "sh /dev/shm/x/gate", "20261122180000", "192.0.2.7")

LINES = st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")), max_size=6)


def test_a_line_holds_all_its_limits() -> None:
    assert LINE == (
        b'restrict,command="sh /dev/shm/x/gate",expiry-time="20261122180000",from="192.0.2.7" '
        b"ssh-ed25519 AAAAC3Nz ops-migrate:wiki:R1\n"
    )


def test_the_first_line_is_from_anywhere() -> None:
    assert b"from=" not in line(KEY, mark("wiki", "R1"), "true", "20261122180000")


@given(LINES)
def test_a_line_is_added_and_removed_and_nothing_else_changes(lines: list[bytes]) -> None:
    text = b"".join(one + b"\n" for one in lines)
    assert without(added(text, LINE), "wiki") == text


@given(LINES.filter(lambda lines: bool(lines and lines[-1])))
def test_a_last_line_without_an_end_gets_one(lines: list[bytes]) -> None:
    assert without(added(b"\n".join(lines), LINE), "wiki") == b"\n".join(lines) + b"\n"


def test_lines_of_other_components_and_comments_stay() -> None:
    other = line(KEY, mark("wiki-two", "R1"), "true", "20261122180000")
    text = b"# see ops-migrate:wiki:R1\n" + LINE + other
    assert without(text, "wiki") == b"# see ops-migrate:wiki:R1\n" + other


@pytest.mark.parametrize("address", ["*", "192.0.2.7,*", 'x" command="y', "host.example.org"])
def test_only_an_address_goes_into_from(address: str) -> None:
    with pytest.raises(OpsError, match="no address"):
        line(KEY, mark("wiki", "R1"), "true", "20261122180000", address)


def test_an_address_of_ipv6_loses_its_zone() -> None:
    assert b'from="fe80::1"' in line(KEY, mark("a", "R"), "true", "20261122180000", "fe80::1%eth0")


def test_a_command_does_not_end_its_quotes() -> None:
    assert rb'command="a\"b"' in line(KEY, mark("a", "R"), 'a"b', "20261122180000")
    with pytest.raises(OpsError, match="does not fit"):
        line(KEY, mark("a", "R"), "a\nb", "20261122180000")


def test_lines_of_runs_that_are_long_over_go_whatever_they_moved() -> None:
    theirs = b'restrict,expiry-time="20250101000000" ssh-ed25519 AAAA somebody@example.org\n'
    assert unexpired(theirs + LINE, "20261122180001") == theirs
    assert unexpired(theirs + LINE, "20261122180000") == theirs + LINE
    assert unexpired(LINE, "") == LINE
