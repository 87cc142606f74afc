"""Templates are rendered strictly, and their faults have a place."""

from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.pages.render import SUITE, render


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


def test_the_inventorys_template_comes_before_the_suites(tmp_path: Path) -> None:
    own = _write(tmp_path / "own", "a/motd.j2", "own {{ name }}\n")
    suite = _write(tmp_path / "suite", "a/motd.j2", "suite {{ name }}\n")
    assert render("a/motd.j2", [own, suite], name="wiki") == "own wiki\n"


def test_html_is_escaped_and_scripts_are_not(tmp_path: Path) -> None:
    _write(tmp_path, "page.html.j2", "{{ value }}")
    _write(tmp_path, "script.sh.j2", "{{ value }} {{ value | shell }}")
    assert render("page.html.j2", [tmp_path], value="<&>") == "&lt;&amp;&gt;"
    assert render("script.sh.j2", [tmp_path], value="<&>") == "<&> '<&>'"


def test_bytes_are_shown_in_octal(tmp_path: Path) -> None:
    _write(tmp_path, "page.html.j2", "{{ name | octal }}")
    assert render("page.html.j2", [tmp_path], name=b"<\xff>") == "&lt;\\377&gt;"


def test_an_unknown_value_is_an_error_with_its_line(tmp_path: Path) -> None:
    _write(tmp_path, "page.j2", "first\n{{ nobody }}\n")
    with pytest.raises(OpsError, match=rf"{tmp_path}/page.j2:2: 'nobody' is undefined"):
        render("page.j2", [tmp_path])


def test_broken_syntax_is_an_error_with_its_line(tmp_path: Path) -> None:
    _write(tmp_path, "page.j2", "first\n\n{% if %}\n")
    with pytest.raises(OpsError, match=rf"{tmp_path}/page.j2:3: "):
        render("page.j2", [tmp_path])


def test_a_failing_expression_is_an_error_with_its_line(tmp_path: Path) -> None:
    _write(tmp_path, "user-data", "\n{{ 1 / zero }}\n")
    with pytest.raises(OpsError, match=r"user-data:2: division by zero"):
        render("user-data", [tmp_path], zero=0)


def test_a_missing_template_names_the_folders(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"no template \.\./secret") as caught:
        render("../secret", [tmp_path, SUITE])
    assert str(tmp_path) in caught.value.hint


def test_a_missing_part_names_the_template_that_wants_it(tmp_path: Path) -> None:
    _write(tmp_path, "page.j2", "{% include 'part.j2' %}")
    with pytest.raises(OpsError, match=r"no template part.j2, wanted by page.j2"):
        render("page.j2", [tmp_path])


def test_templates_do_not_reach_into_python(tmp_path: Path) -> None:
    _write(tmp_path, "page.j2", "{{ value.__class__.__mro__ }}")
    with pytest.raises(OpsError, match=r"page.j2:1"):
        render("page.j2", [tmp_path], value="")
