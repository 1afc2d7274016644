"""Numbers and intervals as a page shows them."""

import base64

from matplotlib.figure import Figure

from sdesim.plots.style import NothingToDraw
from sdesim.report.page import drawn, interval, number, picture, text_of


def test_numbers_are_short_and_missing_ones_a_dash():
    assert number(0.123456) == "0.1235"
    assert number(-2.0) == "−2"
    assert number(None) == "–"
    assert number(float("inf")) == "∞"
    assert interval({"value": 1.0, "low": 0.5, "high": 2.0}) == "1 [0.5, 2]"
    assert interval({"value": 1.0, "low": None, "high": None}) == "1"


def test_a_figure_without_data_is_none_and_others_give_theirs():
    def plot(*values):
        if not values:
            raise NothingToDraw("nothing")
        axes = Figure().subplots(1, len(values), squeeze=False)
        return axes

    assert drawn(plot) is None
    assert len(drawn(plot, 1, 2).axes) == 2


def test_a_picture_is_on_the_page_and_in_its_file_with_the_same_bytes(tmp_path):
    figure = Figure(figsize=(1, 1))

    shown = [picture(tmp_path, name, "a title", "a caption.", figure) for name in ("one", "two")]

    assert (shown[0]["title"], shown[0]["caption"]) == ("a title", "a caption.")
    content = base64.b64decode(shown[0]["source"].removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "figures" / "one.png").read_bytes()
    assert shown[0]["source"] == shown[1]["source"]


def test_a_text_that_is_not_there_is_empty(tmp_path):
    (tmp_path / "a.txt").write_text("µ", encoding="utf-8")

    assert text_of(tmp_path / "a.txt") == "µ"
    assert text_of(tmp_path / "b.txt") == ""
