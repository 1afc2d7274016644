"""What decided the numbers of a run, part by part: one that goes on must have the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError

# Parts that are code, or what code makes: a user may accept that they changed. Arguments are never taken so.
OWN_CODE, VALUES = "sdesim's own code", "values of "
_CODE = ("function ", "constant ", "file ", OWN_CODE, VALUES)


@dataclass(frozen=True)
class Fingerprint:
    """Digests and short values by what they are of.

    Attributes:
        parts: such as "dt" → "0.01", "file wells.py" → 16 hexadecimal digits behind a #.
        places: the file of a part, for messages.
    """

    parts: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """One digest of all parts."""
        return hashlib.sha256(json.dumps(sorted(self.parts.items())).encode()).hexdigest()

    def attrs(self) -> dict[str, str]:
        """What a run keeps of it."""
        return {"fingerprint": self.key, "fingerprint_parts": json.dumps(dict(self.parts))}

    def changed(self, attrs: Mapping[str, Any]) -> list[str]:
        """Names of the parts of which a run with these attributes has others; none where it kept no parts."""
        before = _parts(attrs)
        names = [*self.parts, *(name for name in before if name not in self.parts)] if before else []
        return [name for name in names if before.get(name) != self.parts.get(name)]

    def difference(self, attrs: Mapping[str, Any]) -> str:
        """In words, what of a run with these attributes is not the same; "" where that can't be told."""
        before, words = _parts(attrs), []
        for name in self.changed(attrs):
            was, now = before.get(name), self.parts.get(name)
            name += f" in {self.places[name]}" if name in self.places else ""
            if was is None or now is None:
                words.append(f"{name} is {'new' if was is None else 'gone'}")
            else:
                words.append(f"{name} changed" if now[0] == "#" else f"{name} was {was}, is {now}")
        # Values differ where code does, so they add nothing then.
        return "; ".join([w for w in words if not w.startswith(VALUES)] or words)

    def acceptable(self, attrs: Mapping[str, Any]) -> bool:
        """Whether all that is not the same is code, or values that code makes."""
        names = self.changed(attrs)
        return bool(names) and all(name.startswith(_CODE) for name in names)


def settle(mark: Fingerprint, attrs: Mapping[str, Any], accept: bool, what: str, rest: str) -> str:
    """In words, what changed since a run with other attributes, where the user accepts that.

    Args:
        mark: of now. attrs: of the run. accept: whether changed code is accepted.
        what: how the message begins. rest: what else can be done.

    Raises:
        RunError: it is not accepted, or arguments changed, which can't be; in one line, which.
    """
    which = mark.difference(attrs)
    able = mark.acceptable(attrs)
    if able and accept:
        return which
    said = f" ({which})" if which else ""
    if able:
        way = "accept_changes=True (--accept-changes) goes on all the same"
        raise RunError(f"{what} with other code{said}: {way}; else {rest}")
    raise RunError(f"{what} with other arguments{said}: {rest}")


def _parts(attrs: Mapping[str, Any]) -> dict[str, str]:
    try:
        before = json.loads(attrs.get("fingerprint_parts", "{}"))
    except (TypeError, ValueError):
        return {}
    return before if isinstance(before, dict) else {}


def digest_of(*arrays: NDArray[Any]) -> str:
    """A # and 16 hexadecimal digits of arrays, their types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return f"#{digest.hexdigest()[:16]}"
