"""The gallery shows every figure of its list, and says of each what its docstring says."""

from __future__ import annotations

from analysis.gallery.page import DOCS, FOLDER, page
from analysis.gallery.pictures import PICTURES
from sdesim import plots


def test_the_page_is_up_to_date():
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == page(), "run python -m analysis.gallery qq"


def test_every_picture_is_there_and_all_are_small():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.png")}

    assert set(sizes) == set(PICTURES) <= set(plots.__all__)
    assert sum(sizes.values()) < 600_000
