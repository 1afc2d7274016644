"""A figure inside a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sdesim.plots.inline_svg import relative
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
def test_places_are_right_to_a_tenth_of_a_point(value):
    figure = Figure(figsize=(2.0, 1.0))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 144), ylim=(0, 72))
    ax.plot([value, value], [0.0, 36.0], color="#123456")

    path = re.search(r'd="M(\S+) 72l0-36"[^>]*#123456', svg(figure))

    # Half a tenth by rounding.
    assert float(path[1]) == pytest.approx(value, abs=0.0501)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("MLCQ"), st.lists(st.floats(-999, 999), min_size=6, max_size=6)), min_size=1
    )
)
def test_a_path_by_differences_goes_through_the_same_places_without_an_error_that_adds_up(commands):
    sizes = {"M": 2, "L": 2, "C": 6, "Q": 4}
    commands = [("M", commands[0][1]), *commands]
    wanted = [[round(v, 1) for v in numbers[: sizes[c]]] for c, numbers in commands]
    path = " ".join(f"{c} {' '.join(map(str, w))}" for (c, _), w in zip(commands, wanted, strict=True))

    found, x, y = [], 0.0, 0.0
    for letter, rest in re.findall(r"([MlcqMz])([^A-Za-z]*)", relative(path)):
        numbers = [float(v) for v in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
        size = sizes[letter.upper()]
        for k in range(0, len(numbers), size):
            origin = (0.0, 0.0) if letter == "M" else (x, y)
            places = [v + origin[i % 2] for i, v in enumerate(numbers[k : k + size])]
            found.append(places)
            x, y = places[-2:]

    assert [len(f) for f in found] == [len(w) for w in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert a == pytest.approx(b, abs=1e-6)
