"""Which files are generated, and what they should hold."""

from __future__ import annotations

from pathlib import Path

from analysis.generated.cli import cli_page
from analysis.generated.glossary import glossary_page
from analysis.generated.index import scenario_index
from analysis.generated.kinds import kinds_page
from analysis.generated.schema import schema_page
from analysis.generated.tables import DOCS, PAGES, renewed
from sdesim.shipped import shipped_folder, study


def generated_files() -> dict[Path, str]:
    """Path → text of every file that is generated, as a whole or in its tables."""
    pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
    return {
        shipped_folder("scenarios") / "index.json": scenario_index(),
        **{page: renewed(text) for page, text in pages.items() if "<!-- table:" in text},
        DOCS / "reference" / "kinds.md": kinds_page(),
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "schema.md": schema_page(),
        DOCS / "reference" / "glossary.md": glossary_page(),
        **_ledger(),
    }


def _ledger() -> dict[Path, str]:
    """The pages of the claims and their picture."""
    claims = study("claims")
    found = claims.stored()
    return {
        DOCS / "theory" / "claims.md": claims.claims_page(found),
        DOCS / "theory" / "claims.svg": claims.picture(found),
        DOCS / "theory" / "what-survives.md": claims.survivors_page(found),
    }
