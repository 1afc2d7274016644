"""The page: one card for each claim, its figure inside the file, filters by verdict, basis and section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sdesim.report.page import environment
from sdesim.report.words import interval

from .headline import ledger_headline
from .ledger import BASES, BASIS_MEANS
from .rules import CONDITIONS, CONVENTION, FAILS, HOLDS, INCONCLUSIVE, VERDICTS
from .run import ERROR, PAPER, UNJUDGED
from .stored import stored
from .strip import part
from .table import parts, told

# One word for the style sheet.
_CLASSES = {
    HOLDS: "holds", CONDITIONS: "conditions", FAILS: "fails", CONVENTION: "convention",
    INCONCLUSIVE: "inconclusive", UNJUDGED: "unjudged", ERROR: "error",
}  # fmt: skip


def page(ledger: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """HTML of a ledger (seed, quick, claims) with SVG figures by claim; "": no figure."""
    from markupsafe import Markup

    claims = ledger["claims"]
    found = Counter(c["verdict"] for c in claims)
    made = environment(Path(__file__).parent, "page.js.j2")
    text: str = made.get_template("page.html.j2").render(
        ledger=ledger,
        headline=ledger_headline(ledger),
        claims=claims,
        pictures={name: Markup(svg.replace(f" {PAPER}", "", 1)) for name, svg in pictures.items()},
        parts_of=parts,
        notes=told(claims, stored()["claims"]),
        bases=[(b, BASIS_MEANS[b]) for b in BASES if any(c["basis"] == b for c in claims)],
        files=_texts({c["study"] for c in claims}),
        counts=[(v, _CLASSES[v], found[v]) for v in (*VERDICTS, UNJUDGED, ERROR) if found[v]],
        sections=sorted({part(c["section"]) for c in claims}, key=int),
        part=part,
        classes=_CLASSES,
        interval=interval,
    )
    return text


def _texts(names: Collection[str]) -> dict[str, str]:
    """Name → text of the studies' files; a study from elsewhere has none."""
    paths = [Path(__file__).parent / name for name in sorted(names)]
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.is_file()}
