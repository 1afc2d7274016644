"""`python -m analysis.twin [noises] [validity] [--only NAMES] [--quick] [--out DIR]`: are twins faithful?

`noises`: six noise models of one training. `validity`: the map over optimizers, learning rates and batch
sizes; with `--only` some optimizers are measured anew and the others' numbers are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from analysis.twin import noises, validity, validity_report
from sdesim.io.files import atomic_write_json, atomic_write_text

PARTS = ("noises", "validity")


def main() -> None:
    """Run the parts named, both without names, and keep their numbers, tables and figure."""
    parser = argparse.ArgumentParser(prog="python -m analysis.twin", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS, help="what is measured")
    parser.add_argument("--only", default="", help="optimizers of the map, by commas")
    parser.add_argument("--quick", action="store_true", help="few seeds and steps")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if "noises" in chosen.parts:
        result = noises.study(chosen.quick)
        atomic_write_json(chosen.out / "twin.json", result, indent=1)
        atomic_write_text(chosen.out / "table.md", noises.table(result))
        print(noises.table(result))
    if "validity" in chosen.parts:
        _validity(chosen)


def _validity(chosen: argparse.Namespace) -> None:
    """Measure the cells and draw the map; after each optimizer its numbers are kept."""
    path = chosen.out / "validity.json"
    wanted = chosen.only.split(",") if chosen.only else list(validity.OPTIMIZERS)
    kept: dict[str, Any] = json.loads(path.read_text()) if chosen.only and path.exists() else {}
    for name in wanted:
        kept[name] = validity.study(name, chosen.quick)
        found = {key: kept[key] for key in validity.OPTIMIZERS if key in kept}
        atomic_write_json(path, found, digits=4, indent=None)
    atomic_write_text(chosen.out / "validity.md", validity_report.table(found))
    validity_report.figure(found, chosen.out / "validity.png")
    print(validity_report.table(found))


if __name__ == "__main__":
    main()
