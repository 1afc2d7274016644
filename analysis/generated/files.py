"""Which files are generated, and what they should hold."""

from __future__ import annotations

from pathlib import Path

from analysis.generated.index import scenario_index
from analysis.generated.kinds import kinds_page
from analysis.generated.tables import DOCS, renewed
from sdesim.shipped import shipped_folder, study


def generated_files() -> dict[Path, str]:
    """Path → text of every file that is generated, as a whole or in its tables."""
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
    return {
        shipped_folder("scenarios") / "index.json": scenario_index(),
        **{page: renewed(text) for page, text in pages.items() if "<!-- table:" in text},
        DOCS / "reference" / "kinds.md": kinds_page(),
        **_ledger(),
    }


def _ledger() -> dict[Path, str]:
    """The pages of the claims, their picture, and their lines in the README."""
    claims, readme = study("claims"), DOCS.parent / "README.md"
    found = claims.stored()
    return {
        DOCS / "theory" / "claims.md": claims.claims_page(found),
        DOCS / "theory" / "claims.svg": claims.picture(found),
        DOCS / "theory" / "what-survives.md": claims.survivors_page(found),
        readme: claims.with_block(readme.read_text(encoding="utf-8"), claims.summary(found)),
    }
