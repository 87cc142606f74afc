"""Whether a dump is whole."""

import re
from pathlib import Path

import pytest

from ops.remote.command import script
from ops.remote.local import LocalHost
from ops.verify.dump import DUMP, LOAD, Dump, fault, read
from tests.migrate.conftest import BASE, only

END = b"\n--\n-- PostgreSQL database dump complete\n--\n\n"


def test_a_whole_dump_has_no_fault() -> None:
    assert fault(Dump(0, "", 5000, END), "postgresql") == ""
    assert fault(Dump(0, "", 5000, END + b"\\unrestrict abc\n\n"), "postgresql") == ""
    assert fault(Dump(0, "", 90, b"...\n-- Dump completed on 2026-11-22\n"), "mariadb") == ""
    assert fault(Dump(0, "", 90, b"cn: x\n\n# end of the dump\n"), "ldap", before=100) == ""


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        (Dump(3, "pg_dump: error: no", 5000, END), "ended with 3: pg_dump: error: no"),
        (Dump(0, "", 0, b""), "the dump is empty"),
        (Dump(0, "", 5000, b"INSERT INTO a\nVALUES (1"), "ends early, after 5.0 kB: .*VALUES"),
        (Dump(0, "", 5000, END + b"INSERT INTO b\n"), "its last line is INSERT INTO b"),
        (Dump(0, "", 5000, END.rstrip(b"-\n")), "its last line has no end"),
        (Dump(0, "", 9, END), "the dump has 9 B, and less than 10 bytes is none"),
        (Dump(0, "", 40, END), "the dump has 40 B, and the last one had 5.0 MB"),
    ],
)  # fmt: skip
def test_a_broken_dump_is_named(dump: Dump, told: str) -> None:
    before = 5_000_000 if dump.size == 40 else 0
    assert re.search(told, fault(dump, "postgresql", before=before, least=10))


def test_every_cut_of_a_dump_is_found() -> None:
    whole = b"COPY a FROM stdin;\n1\n2\n\\.\n" + END
    for length in range(1, whole.index(b"complete\n") + len(b"complete")):
        assert fault(Dump(0, "", length, whole[:length]), "postgresql")


def test_what_the_script_prints_comes_back() -> None:
    assert read(b"1 42\n" + END, "no") == Dump(1, "no", 42, END)


def test_without_bash_no_hook_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, tmp_path, *BASE)
    here, file = LocalHost("here"), tmp_path / "dump"
    for text in (DUMP, LOAD):
        result = here.run(script(text, str(file), "exit 5"), check=False)
        assert (result.code, result.out) in [(0, b"127 0\n"), (127, b"")]
        assert result.err.startswith(b"bash is needed")
    assert not file.exists()
