"""Charts are small SVG elements too."""

import xml.etree.ElementTree as ET

from ops.pages.chart import columns, timeline
from ops.pages.plot import Band, Series


def _texts(svg: str) -> list[str | None]:
    root = ET.fromstring(svg)  # noqa: S314 - our own plot
    return [element.text for element in root.iter() if element.tag.endswith("text")]


def test_a_time_line_names_rows_and_each_phase_once() -> None:
    rows = [
        ("all", [Band("scan", 0, 3)]),
        ("pages", [Band("transfer", 3, 9), Band("scan", 9, 9.5)]),
    ]
    texts = _texts(timeline("Phases", rows, x="s", end=10))
    assert {"all", "pages", "scan", "transfer", "s"} <= set(texts)
    assert texts.count("scan") == 1


def test_columns_name_classes_and_series() -> None:
    pair = [Series("files", [(0, 90), (1, 10)]), Series("bytes", [(0, 5), (1, 95)])]
    assert {"small", "large", "files", "bytes"} <= set(
        _texts(columns("Sizes", ["small", "large"], pair, y="%"))
    )


def test_nothing_to_draw_makes_an_empty_frame() -> None:
    assert "<svg" in timeline("Phases", [], x="s")
    assert "<svg" in columns("Sizes", [], [], y="%")
