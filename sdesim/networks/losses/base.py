"""What every recipe of a loss offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.kinds import kinds_of

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


class Base:
    """A loss of outputs and answers, averaged over examples.

    A loss of one's own is a frozen dataclass that derives from this and has `labels`, `targets` and
    `function`.

    Attributes:
        labels: whether it takes class labels.
        targets: whether it takes targets.
        positional: whether it takes several labels an example, of outputs (n, positions, K).
        on_surfaces: name by which the compiled surface of a network knows it, empty where none does.
    """

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def labels(self) -> bool: ...

        @property
        def targets(self) -> bool: ...

        @property
        def positional(self) -> bool: ...

        @property
        def on_surfaces(self) -> str: ...

    else:
        labels = targets = positional = False
        on_surfaces = ""

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """The torch function (outputs (n, K), answers) → scalar mean loss for these data's answers.

        Of several labels an example the outputs are (n, positions, K), the answers (n, positions).
        """
        raise NotImplementedError(f"{type(self).__name__} needs function()")

    def answers(self, y: Any, outputs: int) -> Any:
        """Labels (n,) or targets (n, outputs) as the compiled surface takes them."""
        return np.asarray(y)

    def outputs(self, data: Data | Dataset) -> int:
        """How many numbers a network gives for an example, or for each position."""
        return data.outputs

    def misfit(self, data: Data | Dataset) -> str:
        """Why this loss can't take these data's answers; empty where it can."""
        if not (self.labels if data.labelled else self.targets):
            return self._refused("labels" if data.labelled else "targets")
        if data.positions is not None and not self.positional:
            return self._refused("positional", f"{data.positions} labels an example")
        return ""

    def _refused(self, sort: str, held: str = "") -> str:
        able = [name for name, loss in kinds_of("losses").items() if getattr(loss, sort, False)]
        name = getattr(self, "kind", type(self).__name__)
        return f"found {name!r}, allowed: {', '.join(able)}, because these data hold {held or sort}"


def loaded(data: Data | Dataset) -> Dataset:
    """The examples of a recipe of data, or those given."""
    load: Any = getattr(data, "load", lambda: data)
    found: Dataset = load()
    return found
