"""Figures inside a page, with the data behind them."""

import csv

from matplotlib.figure import Figure

from sdesim.plots.style import NothingToDraw
from sdesim.report.page import drawn, finding, picture, text_of, with_classes


def test_a_figure_without_data_is_none_and_others_give_theirs():
    def plot(*values):
        if not values:
            raise NothingToDraw("nothing")
        axes = Figure().subplots(1, len(values), squeeze=False)
        return axes

    assert drawn(plot) is None
    assert len(drawn(plot, 1, 2).axes) == 2


def test_a_picture_is_on_the_page_and_in_its_files_with_what_is_drawn(tmp_path):
    figure = Figure(figsize=(2, 1))
    ax = figure.subplots()
    ax.plot([0.0, 1.0, 2.0], [5.0, 4.0, 1.25], label="a <b>")
    ax.fill_between([0.0, 2.0], 0.0, 1.0, label="band")
    ax.bar([1.0], [3.0], 0.5)
    ax.set_ylabel("loss")

    shown = picture(tmp_path, "one", "a title", "a caption.", figure)

    assert (shown["title"], shown["caption"], shown["name"]) == ("a title", "a caption.", "one")
    assert shown["svg"] == (tmp_path / "figures" / "one.svg").read_text(encoding="utf-8")
    assert 'aria-label="a title. a &lt;b&gt; in loss from 5 to 1.25."' in shown["svg"]
    rows = list(csv.reader((tmp_path / "figures" / "one.csv").read_text().splitlines()))
    assert rows[0] == ["panel", "what", "name", "x", "y"]
    assert [r[3:] for r in rows if r[1] == "line"] == [["0", "5"], ["1", "4"], ["2", "1.25"]]
    assert ["loss", "bar", "", "0.75", "0"] in rows
    assert {tuple(r[3:]) for r in rows if r[1] == "area"} == {("0", "0"), ("0", "1"), ("2", "0"), ("2", "1")}


def test_the_finding_of_many_curves_names_the_first_and_counts_the_others():
    ax = Figure().subplots()
    for k in range(8):
        ax.plot([0, 1], [k, 2 * k], label=f"arm {k}")

    assert finding(ax.figure) == (
        "arm 0 from 0 to 0; arm 1 from 1 to 2; arm 2 from 2 to 4; arm 3 from 3 to 6; arm 4 from 4 to 8; "
        "arm 5 from 5 to 10; and 2 more."
    )


def test_styles_used_twice_become_classes_and_single_ones_stay():
    page = (
        '<style>p {}</style><path style="fill: none; stroke: red"/><path style="fill: none; stroke: red"/>'
        '<path style="fill: blue"/><td style="white-space: normal">'
    )

    assert with_classes(page) == (
        '<style>p {}.s0{fill:none;stroke:red}\n</style><path class="s0"/><path class="s0"/>'
        '<path style="fill: blue"/><td style="white-space: normal">'
    )


def test_a_text_that_is_not_there_is_empty(tmp_path):
    (tmp_path / "a.txt").write_text("µ", encoding="utf-8")

    assert text_of(tmp_path / "a.txt") == "µ"
    assert text_of(tmp_path / "b.txt") == ""
