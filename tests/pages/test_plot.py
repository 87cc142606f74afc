"""Plots are small SVG elements that fit into any page."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ops.pages.plot import Band, Level, Series, bars, course, thinned

RISING = Series("rate", [(float(second), second * 1.5) for second in range(60)])


def test_a_course_is_well_formed_and_its_text_is_text() -> None:
    svg = course("Rate", [RISING], x="seconds", y="MB/s", bands=[Band("scan", 0, 5)])
    texts = [element.text for element in _parsed(svg).iter() if element.tag.endswith("text")]
    assert {"seconds", "MB/s", "scan"} <= set(texts)
    assert 'aria-label="Rate"' in svg
    assert len(svg) < 15_000


def test_a_day_of_samples_makes_a_small_plot() -> None:
    day = Series("rate", [(float(second), second % 97) for second in range(86_400)])
    assert len(course("Rate", [day], x="s", y="MB/s")) < 60_000


def test_nothing_measured_is_said_in_the_frame() -> None:
    assert "nothing measured" in course("Rate", [Series("rate", [])], x="s", y="MB/s")


def test_two_plots_of_one_page_share_no_id() -> None:
    first = course("A", [RISING], x="s", y="MB/s", levels=[Level("link", 40)])
    second = course("B", [RISING, RISING], x="s", y="MB/s")
    assert not _ids(first) & _ids(second)


def test_the_same_values_make_the_same_plot() -> None:
    assert bars("Steps", [("a", 1), ("b", 2.5)], x="s") == bars(
        "Steps", [("a", 1), ("b", 2.5)], x="s"
    )


def test_text_and_axes_take_the_colour_of_the_page() -> None:
    svg = bars("Steps", [("provision", 12.5)], x="seconds")
    assert "currentColor" in svg
    assert "#000000" not in svg


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e9)), max_size=60), st.integers(1, 20))
def test_thinning_keeps_the_range_and_the_limit(
    points: list[tuple[float, float]], most: int
) -> None:
    thin = thinned(points, most)
    assert len(thin) == min(len(points), most)
    if points:
        ys = [y for _, y in points]
        assert all(min(ys) <= y * (1 + 1e-9) and y <= max(ys) * (1 + 1e-9) for _, y in thin)


def test_many_phases_leave_the_plot_its_width() -> None:
    def width(count: int) -> float:
        bands = [Band(f"a-data-set-of-some-name: phase {n}", n, n + 1) for n in range(count)]
        svg = course("t", [Series("rate", [(0, 1), (9, 2)])], x="s", y="MB/s", bands=bands)
        clips = [e for e in _parsed(svg).iter() if e.tag.endswith("clipPath")]
        return max(float(rect.get("width", 0)) for clip in clips for rect in clip)

    assert width(9) > 0.9 * width(1)


def _ids(svg: str) -> set[str]:
    return {element.get("id", "") for element in _parsed(svg).iter()} - {""}


def _parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own plot
