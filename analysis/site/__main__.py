"""Make the page of the ledger and build the site: `python -m analysis.site [FOLDER]`, default build/site."""

from __future__ import annotations

import sys
from pathlib import Path

from sdesim.io.files import atomic_write_text
from sdesim.shipped import study

ROOT = Path(__file__).resolve().parents[2]


def ledger() -> str:
    """The page of the claims, from the findings that are kept with the code."""
    from analysis.claims.page import page

    found = study("claims").stored()
    folder = ROOT / "analysis" / "claims" / "results" / "findings"
    pictures = {c["id"]: folder / f"{c['id']}.svg" for c in found["claims"]}
    drawn = {
        name: path.read_text(encoding="utf-8") if path.exists() else "" for name, path in pictures.items()
    }
    return page(found, drawn)


def main() -> None:
    """Build strictly: a warning ends it."""
    from mkdocs.__main__ import cli

    (ROOT / "build").mkdir(exist_ok=True)
    atomic_write_text(ROOT / "build" / "ledger.html", ledger())
    to = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "site")
    cli(["build", "--strict", "--quiet", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", to])


if __name__ == "__main__":
    main()
