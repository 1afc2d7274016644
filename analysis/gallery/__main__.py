"""Draw every picture of the gallery and write its page."""

from __future__ import annotations

import sys

from analysis.gallery.page import DOCS, FOLDER, page
from analysis.gallery.pictures import PICTURES, picture


def main(names: list[str]) -> None:
    """Write the pictures named, all without names, and the page."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        (FOLDER / f"{name}.png").write_bytes(picture(name))
        print(f"drew {name}")
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
