"""The page about the schema is made from the schema."""

from __future__ import annotations

import re

from ops.inventory.manual import page
from tests.support.inventories import PROJECT


def test_the_page_in_docs_is_current() -> None:
    assert (PROJECT / "docs" / "inventory.md").read_text() == page(), (
        "fab inventory.docs > docs/inventory.md"
    )


def test_every_link_leads_somewhere() -> None:
    text = page()
    headings = {found.lower() for found in re.findall(r"^### (\w+)$", text, re.M)}
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= headings


def test_rows_have_four_cells() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
