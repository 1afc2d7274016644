"""A figure inside a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.figure import Figure

from sdesim.plots.style import one_panel, svg


def drawn():
    with one_panel(None) as ax:
        ax.plot([0.0, 1.0], [0.0, 1e-9], "o", color="#0072B2", markerfacecolor="white", label="a <b> & c")
        ax.fill_between([0.0, 1.0], 0.0, 1.0, color="#D55E00", alpha=0.2, hatch="///")
        ax.imshow([[0.0, 1.0]])
        ax.set_xlabel("time t")
        ax.legend()
        return ax


def test_the_same_figure_gives_the_same_bytes_and_text_as_text():
    first = svg(drawn(), prefix="loss-", alt='"low" <& high>')

    root = ET.fromstring(first)

    assert first == svg(drawn().figure, prefix="loss-", alt='"low" <& high>')
    assert root.get("aria-label") == '"low" <& high>'
    texts = {"".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"time t", "a <b> & c"} <= texts


def test_two_figures_of_a_page_share_no_id_and_every_reference_is_met():
    ids = {}
    for prefix in ("a-", "b-"):
        text = svg(drawn(), prefix=prefix)
        ids[prefix] = re.findall(r' id="([^"]*)"', text)
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) == set(ids[prefix])
        assert len(ids[prefix]) == len(set(ids[prefix])) > 0

    assert not set(ids["a-"]) & set(ids["b-"])


def test_ink_and_ground_are_those_of_the_page_and_data_keep_their_colours():
    text = svg(drawn())

    assert "<style" not in text
    assert "<?xml" not in text
    assert not re.search(r"#000000|: #ffffff|#555555|#e4e4e4", text, re.IGNORECASE)
    assert "var(--ground, #ffffff)" in text
    assert "#0072b2" in text.lower()
    assert 'aria-hidden="true"' in text


@pytest.mark.parametrize("value", [0.0, 12.3456789, 0.001, 143.9999])
def test_places_are_right_to_a_hundredth_of_a_point(value):
    figure = Figure(figsize=(2.0, 1.0))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 144), ylim=(0, 72))
    ax.plot([value, value], [0.0, 36.0], color="#123456")

    path = re.search(r'd="M (\S+) 72 L (\S+) 36"[^>]*#123456', svg(figure))

    # Half a hundredth by rounding.
    assert float(path[1]) == pytest.approx(value, abs=0.0051)
