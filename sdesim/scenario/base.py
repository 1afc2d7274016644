"""The strict base of all scenario models, and the types of their fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator


def whole(value: Any) -> Any:
    """1e5 as the whole number that it is; anything else unchanged, for the strict check that follows."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Strict(BaseModel):
    """Frozen, finite numbers only, no coercion of types, unknown fields refused.

    Where the validation context is a dict, the class of every model is noted in it under the identity of the
    data it was read from, so that messages can say which fields there are and what they take.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _note_class(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, dict) and isinstance(data, dict):
            info.context[id(data)] = cls
        return data


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Whole = Annotated[int, BeforeValidator(whole)]
Count = Annotated[Whole, Field(ge=1, lt=2**63)]
# The generator numbers fewer trajectories and steps than these.
Trajectories = Annotated[Whole, Field(ge=1, lt=2**32)]
First = Annotated[Whole, Field(ge=0, lt=2**32)]
Steps = Annotated[Whole, Field(ge=1, lt=2**33)]
Seed = Annotated[Whole, Field(ge=0, lt=2**63)]
