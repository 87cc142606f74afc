from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import UsageError
from ops.remote.command import Command, Secret, Word, command, joined, script

octets = st.binary(max_size=40).map(lambda word: word.replace(b"\0", b""))
words = st.one_of(octets, octets.map(lambda word: Secret(word.decode("latin-1"))))


def spoken(what: Command) -> bytes:
    """Return what a real shell makes of the command."""
    line = what.line("none")
    return subprocess.run(["/bin/sh", "-c", line], input=what.feed(), stdout=-1, check=True).stdout


def value(word: Word) -> bytes:
    if isinstance(word, Secret):
        return word.reveal().encode()
    return word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word


@given(st.lists(words, max_size=5))
def test_every_word_reaches_the_program_byte_for_byte(given_words: list[Word]) -> None:
    out = spoken(command("printf", "%s\\0", "first", *given_words))
    assert out == b"".join(value(word) + b"\0" for word in ["first", *given_words])


@given(octets, words)
def test_stdin_and_environment_arrive_whole(stdin: bytes, setting: Word) -> None:
    what = command("sh", "-c", 'printf "%s:" "$A"; cat', stdin=stdin, env={"A": setting})
    assert spoken(what) == value(setting) + b":" + stdin


@given(octets)
def test_a_script_gets_its_arguments_as_they_are(word: bytes) -> None:
    assert spoken(script('printf %s "$1"', word)) == word


def test_a_folder_is_entered_whatever_its_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("remote") / "-"
    folder.mkdir()
    assert spoken(command("pwd", cwd=str(folder))) == f"{folder}\n".encode()


def test_undecodable_names_keep_their_bytes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert spoken(command("printf", "%s", name)) == b"caf\xe9"


def test_no_secret_shows_in_line_text_or_repr() -> None:
    what = command("login", Secret("hush"), env={"TOKEN": Secret("hush")}, stdin=Secret("hush"))
    assert b"hush" not in what.line("sudo")
    assert "hush" not in str(what) + repr(what)
    assert str(what) == "TOKEN=*** login ***"


def test_a_cut_prelude_starts_nothing() -> None:
    what = command("printf", "%s", Secret("x"), "y")
    whole = what.feed()
    for size in range(len(whole)):
        line: list[str | bytes] = ["/bin/sh", "-c", what.line("none")]
        cut = subprocess.run(line, input=whole[:size], capture_output=True, check=False)
        assert (cut.stdout, cut.returncode == 0) == (b"", False)


def test_equality_looks_at_the_secret_itself() -> None:
    assert command("a", Secret("1")) == command("a", Secret("1"))
    assert command("a", Secret("1")) != command("a", Secret("2"))
    assert command("a", Secret("***")) != command("a", "***")


def test_root_goes_through_sudo_without_a_question() -> None:
    assert command("id", root=True).line("sudo") == b"exec sudo -n -- id"
    assert command("id", root=True).line("none") == b"exec id"
    assert str(command("id", root=True)) == "sudo id"


def test_sudo_takes_no_program_name_for_a_variable() -> None:
    line = command("A=b", root=True).line("sudo")
    assert line.startswith(b"exec sudo -n -- sh -c ")


def test_unprintable_bytes_are_shown_as_octal() -> None:
    assert str(command("cat", b"a\xff\n")) == r"cat 'a\377\012'"


def test_a_script_is_shown_on_one_line() -> None:
    assert str(script("\n  cat\n  echo $1\n", "a b")) == "sh -c 'cat echo $1' 'a b'"


@pytest.mark.parametrize(
    "wrong",
    [
        command,
        lambda: command(""),
        lambda: command("a", b"\0"),
        lambda: command("a", Secret("\0")),
        lambda: command("a", env={"A-B": "c"}),
        lambda: command("a", env={"A": "\0"}),
    ],
)
def test_what_no_shell_can_carry_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        wrong()


def test_joined_words_are_one_line_for_a_shell() -> None:
    assert joined([b"a b", b"", b"c'd"]) == b"""'a b' '' 'c'"'"'d'"""
