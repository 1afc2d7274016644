"""What every penalty offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import Defaults, default

if TYPE_CHECKING:
    from torch import Tensor


class Base(Defaults):
    """A function of the weights that is added to the loss: the same for every batch, so that it has no noise.

    A penalty of one's own is a frozen dataclass that derives from this and has `of`. It is a sum over the
    network's parameters, or over those whose names fit the pattern `match`.
    """

    @default
    def match(self) -> str:
        """Pattern of the parameters' names, as a shell has them: ``*weight``."""
        return "*"

    def of(self, parameter: Tensor) -> Tensor:
        """The penalty on one parameter of any shape, a scalar that can be differentiated twice."""
        raise NotImplementedError(f"{type(self).__name__} needs of()")

    def chosen(self, names: Iterable[str]) -> list[str]:
        """Those names that fit the pattern."""
        return [name for name in names if fnmatchcase(name, self.match)]

    def total(self, parameters: Mapping[str, Tensor]) -> Any:
        """Σ over the chosen ones of named parameters; 0 where none is."""
        return sum(self.of(parameters[name]) for name in self.chosen(parameters))

    def misfit(self, names: Iterable[str]) -> str:
        """Why the pattern does not fit a network with parameters of these names; empty where it does."""
        known = list(names)
        if self.chosen(known):
            return ""
        few = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        return f"found {self.match!r}, which fits none of the network's parameters: {few}"
