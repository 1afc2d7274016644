"""What a docstring says of a class: the text of `sdesim list --kinds`, `explain`, docs tables and schemas."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass, field
from functools import cache

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Source|Sources|Example):[ ]*(.*)$")


@dataclass(frozen=True)
class Documented:
    """The parts of a docstring.

    Attributes:
        first: the first paragraph, in one line.
        more: the other paragraphs before the first section.
        fields: text of each field.
        source: where it comes from; empty without.
        example: one line of YAML to paste; empty without.
    """

    first: str
    more: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    source: str = ""
    example: str = ""


@cache
def documented(thing: object) -> Documented:
    """The parts of the docstring of a class or function, written in Google's style.

    A field that a class has of its base is told by the base's words.
    """
    text = inspect.getdoc(thing) or ""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in text.splitlines():
        match = _SECTION.match(line)
        if match is not None:
            name = match[1].rstrip("s") if match[1].startswith("Source") else match[1]
            sections[name] = [match[2]] if match[2] else []
        elif line and not line.startswith(" ") and name in ("Args", "Attributes", "Raises", "Returns"):
            # A paragraph after a section belongs to the text again.
            name = ""
            sections[""] += ["", line]
        else:
            sections[name].append(line)
    paragraphs = [" ".join(p.split()) for p in "\n".join(sections[""]).strip().split("\n\n")]
    return Documented(
        first=paragraphs[0] if paragraphs else "",
        more="\n\n".join(paragraphs[1:]),
        fields=_inherited(thing, _fields(sections.get("Args", []) or sections.get("Attributes", []))),
        source=" ".join(" ".join(sections.get("Source", [])).split()),
        example="\n".join(line.strip() for line in sections.get("Example", []) if line.strip()),
    )


def _inherited(thing: object, said: dict[str, str]) -> dict[str, str]:
    """Field → text, with those that a dataclass has of its nearest base and says nothing of."""
    base = next((b for b in getattr(thing, "__mro__", ())[1:] if dataclasses.is_dataclass(b)), None)
    held = getattr(thing, "__dataclass_fields__", {})
    of_base = documented(base).fields if isinstance(base, type) else {}
    return said | {name: text for name, text in of_base.items() if name in held and name not in said}


def _fields(lines: list[str]) -> dict[str, str]:
    """Field → text; "lower, upper: bounds" is said of both."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        match = re.match(r"^ {4}(\w+(?:, ?\w+)*): ?(.*)$", line)
        if match is not None:
            names = [n.strip() for n in match[1].split(",")]
            found |= dict.fromkeys(names, match[2])
        elif line.startswith("     "):
            found |= {n: f"{found[n]} {line.strip()}" for n in names}
    return {n: " ".join(t.split()) for n, t in found.items()}
