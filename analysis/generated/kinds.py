"""Tables of kinds for the docs, from their signatures and docstrings."""

from __future__ import annotations

from sdesim.kinds import documented, families, kinds_of
from sdesim.kinds.explain import example_of, field_rows

TITLES = {
    "augmentations": "Augmentations",
    "data": "Data",
    "events": "Events",
    "learning_rates": "Learning rates over the steps",
    "losses": "Losses",
    "networks": "Networks",
    "noises": "Noises",
    "objectives": "Objectives",
    "observables": "Observables",
    "optimizers": "Optimizers",
    "reductions": "Reductions",
    "schemes": "Schemes",
    "sdes": "Equations of their own",
    "sinks": "Sinks of a monitor",
    "surfaces": "Surfaces",
    "weightings": "Weights of examples",
}


def kinds_page() -> str:
    """The page of all kinds that a scenario's fields may hold."""
    parts = [
        "# Kinds",
        "What the fields of a scenario may hold, made from the docstrings by `python -m analysis.generated`. "
        "`sdesim explain NAME` prints the same; Python takes the same fields with the same defaults.",
    ]
    for family in families():
        if family == "settings":
            continue
        parts.append(f"## {TITLES.get(family, family)}")
        for name, cls in kinds_of(family).items():
            words = documented(cls)
            parts.append(f"### `{name}`\n\n{_cell(words.first)}")
            rows = field_rows(cls)
            if rows:
                head = "| field | takes | default | |\n|---|---|---|---|\n"
                body = [
                    f"| `{r.name}` | {_cell(r.type)} | {'required' if r.required else f'`{r.default}`'} "
                    f"| {_cell(r.text)} |"
                    for r in rows
                ]
                parts.append(head + "\n".join(body))
            if words.source:
                parts.append(f"Source: {words.source}")
            parts.append(f"```yaml\n{example_of(family, name, cls)}\n```")
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
