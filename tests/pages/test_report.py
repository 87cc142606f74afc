"""Reports are single pages that need nothing else."""

import re
from html.parser import HTMLParser

import pytest

from ops.errors import OpsError
from ops.pages.plot import Series, course
from ops.pages.report import Figure, Report, Section, Table, html, shown


def _page() -> str:
    plot = course("Rate", [Series("rate", [(0, 1), (1, 2)])], x="s", y="MB/s")
    table = Table(["file", "bytes"], [[b"caf\xe9", 1234567], [b"<b>", 12]])
    parts = [
        Section("Figures", "All of it.", figures=[Figure("20 000", "files")]),
        Section("Course", plots=[plot]),
        Section("Files", table=table, lines=[b"a\nb"]),
    ]
    return html(Report("Transfer of <wiki>", "Moved.", parts, "done", foot=["Run 1"]))


def test_a_page_refers_to_nothing_outside_itself() -> None:
    page = _page()
    found = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import', page)
    assert all((one or two).startswith("#") for one, two in found)
    assert "<script" not in page


def test_names_are_shown_safely() -> None:
    page = _page()
    assert "Transfer of &lt;wiki&gt;" in page
    assert "caf\\351" in page
    assert "&lt;b&gt;" in page
    assert "a\\012b" in page


def test_every_element_is_closed() -> None:
    open_now: list[str] = []

    class Check(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                open_now.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_now.pop() == tag

    Check().feed(_page())
    assert open_now == []


def test_columns_of_numbers_stand_at_the_right() -> None:
    assert Table(["a", "b"], [["x", 1], ["y", 2.5]]).right == [False, True]


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(OpsError, match="3 cells below 2 heads"):
        Table(["a", "b"], [[1, 2, 3]])


def test_numbers_are_told_as_people_read_them() -> None:
    assert [shown(1234567), shown(2.5), shown(b"a\\")] == ["1,234,567", "2.50", "a\\134"]
