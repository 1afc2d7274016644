"""Which files are generated, and what they should hold."""

from __future__ import annotations

from pathlib import Path

from analysis.generated.index import scenario_index
from analysis.generated.kinds import kinds_page

ROOT = Path(__file__).resolve().parents[2]


def generated_files() -> dict[Path, str]:
    """Path → text of every generated file."""
    return {
        ROOT / "scenarios" / "index.json": scenario_index(),
        ROOT / "docs" / "kinds.md": kinds_page(),
    }
