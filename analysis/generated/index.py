"""The index of shipped scenarios, from which `sdesim list` answers."""

from __future__ import annotations

import json
from typing import Any

from sdesim.scenario.load import shipped_scenarios
from sdesim.scenario.yaml import read_yaml
from sdesim.shipped import shipped_folder

# What is left of 80 columns beside name and time.
LONGEST = 40


def scenario_index() -> str:
    """Name → file, description, group, time and line of every shipped scenario, as JSON in the shelf's order.

    Raises:
        ValueError: the shelf lacks a scenario, names one that is not there, or a line is too long.
    """
    root, files = shipped_folder("scenarios"), shipped_scenarios()
    shelf: dict[str, Any] = read_yaml((root / "shelf.yaml").read_text(encoding="utf-8"), "shelf.yaml").data
    shelved = {name: (group, *entry) for group, part in shelf.items() for name, entry in part.items()}
    if set(shelved) != set(files):
        raise ValueError(f"shelf.yaml and the files differ in {sorted(set(shelved) ^ set(files))}")
    found = {}
    for name, (group, time, line) in shelved.items():
        if len(line) > LONGEST:
            raise ValueError(f"shelf.yaml: the line of {name} has {len(line)} characters, allowed: {LONGEST}")
        data = read_yaml(files[name].read_text(encoding="utf-8"), files[name].name).data
        found[name] = {
            "file": files[name].relative_to(root).as_posix(),
            "description": " ".join(str(data.get("description", "")).split()),
            "group": group,
            "time": time,
            "line": line,
        }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
