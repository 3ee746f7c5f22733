"""A picture is drawn once: the page, the SVG file and the PNG file show the same marks."""

import re
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgebench.report.axes import spread_labels
from pgebench.report.png import SHARPNESS, png
from pgebench.report.sheet import panels, sheet
from pgebench.report.style import LOOKS, PRINT, page_css
from pgebench.report.svg import Circle, Line, Picture, Rect, Text, document, inline

MARKS = (
    Rect(10, 20, 30, 10, "low", say="a cell & more", opacity=1.0),
    Circle(70, 25, 8, "full", "pge", say="a point"),
    Line(((0, 45), (100, 45)), "bar"),
)
PICTURE = Picture(100, 50, (*MARKS, Text(50, 10, "a < b", "in", anchor="middle")), "a picture")


def pixels(drawn):
    """Colours of the PNG file in 0..255, shape (rows, columns, 3)."""
    return np.round(255 * matplotlib.image.imread(BytesIO(png(drawn)))[..., :3]).astype(int)


def rgb(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_every_mark_stands_where_it_was_put_in_the_png():
    image = pixels(PICTURE)
    assert image.shape == (50 * SHARPNESS, 100 * SHARPNESS, 3)
    for (x, y), name in {(25, 25): "low", (70, 25): "pge", (50, 45): "ink", (95, 30): "paper"}.items():
        assert image[y * SHARPNESS, x * SHARPNESS].tolist() == rgb(PRINT[name]), name


def test_half_an_opacity_is_half_way_to_white():
    image = pixels(Picture(20, 20, (Rect(0, 0, 20, 20, "high", opacity=0.5),), ""))
    assert np.abs(image[20, 20] - (np.array(rgb(PRINT["high"])) + 255) / 2).max() <= 1


def test_the_svg_file_stands_alone_and_is_silent():
    root = ElementTree.fromstring(document(PICTURE))
    names = [element.tag.split("}")[1] for element in root]
    assert names == ["style", "rect", "title", "rect", "circle", "polyline", "text"]
    assert "var(" not in document(PICTURE)
    assert "data-say" not in document(PICTURE)
    for look in ("low", "full.pge", "bar", "in"):
        assert f".{look}{{" in document(PICTURE)


def test_the_page_has_the_same_marks_and_they_say_what_they_are():
    shown, filed = inline(PICTURE), document(PICTURE)
    assert re.findall(r'data-say="([^"]*)"', shown) == ["a cell &amp; more", "a point"]
    silent = re.sub(r' data-say="[^"]*"', "", shown)
    assert re.search("<title>.*</text>", silent)[0] in filed


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_knows_every_look_by_day_and_by_night(look):
    css = page_css()
    rule = re.search(rf"^svg \.{look} {{ (.*) }}$", css, re.M)[1]
    for colour in set(re.findall(r"var\(--(\w+)\)", rule)) - {"role"}:
        assert len(re.findall(rf"--{colour}: #", css)) == 3  # light, dark, print


def test_panels_keep_their_marks_apart():
    one = Picture(100, 50, (Rect(0, 0, 100, 50, "high"),), "")
    drawn = sheet("title", panels([("a", one), ("b", one), ("c", one)], "", columns=2))
    boxes = [mark for mark in drawn.marks if isinstance(mark, Rect)]
    corners = {(box.x, box.y) for box in boxes}
    assert len({x for x, _ in corners}) == len({y for _, y in corners}) == 2
    for i, a in enumerate(boxes):
        assert a.x + a.width <= drawn.width
        assert a.y + a.height <= drawn.height
        for b in boxes[i + 1 :]:
            assert abs(a.x - b.x) > 100 or abs(a.y - b.y) > 50


@given(st.lists(st.floats(0, 300), min_size=1, max_size=20))
def test_labels_never_touch_nor_leave_the_picture_and_keep_their_order(heights):
    placed = spread_labels(heights, 14.0, 7.0, 293.0)
    assert min(placed) >= 7 - 1e-9
    assert max(placed) <= 293 + 1e-9
    order = sorted(range(len(heights)), key=lambda i: (heights[i], i))
    assert all(placed[b] - placed[a] >= 14 - 1e-9 for a, b in pairwise(order))
