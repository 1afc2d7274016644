"""The strict base of all scenario models: nothing unknown gets in, and misspellings are recognised."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


def nearest(word: str, allowed: list[str]) -> str:
    """ ", did you mean 'x'?" for a close spelling, else the list of what is allowed."""
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else f", allowed: {', '.join(allowed)}"


class Strict(BaseModel):
    """Frozen, no coercion of types, unknown fields refused with the nearest spelling."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_fields_only(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    raise PydanticCustomError(
                        "unknown_field",
                        "unknown field{hint}",
                        {"key": str(key), "hint": nearest(str(key), list(cls.model_fields))},
                    )
        return data
