"""What every recipe of an optimizer offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.optim import Optimizer


class Base:
    """How parameters move: an optimizer of torch's, or of one's own, by its settings.

    An optimizer of one's own is a frozen dataclass that derives from this and has `lr`, `batch_size` and
    `build`. The others say how it compares with the gradient descent that the SDE follows; what is not said
    counts as unlike it, so that nothing is read off a run for which it does not hold.

    Attributes:
        lr: learning rate η.
        batch_size: examples to a minibatch, None for full batch.
        momentum: β, by which a step takes over the one before; 0 without.
        plain: whether a step is θ ← θ − η g, nothing else.
        beside_plain: the settings that make it another than that, or ("kind",) where it always is.
        preconditioner: name of the rule that scales its coordinates unequally; None where none does.
        decoupled_decay: whether weight decay acts on θ itself instead of on the gradient.
    """

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def lr(self) -> float: ...

        @property
        def batch_size(self) -> int | None: ...

        @property
        def momentum(self) -> float: ...

        @property
        def plain(self) -> bool: ...

        @property
        def beside_plain(self) -> tuple[str, ...]: ...

        @property
        def preconditioner(self) -> str | None: ...

        @property
        def decoupled_decay(self) -> bool: ...

    else:
        momentum = 0.0
        plain = decoupled_decay = False
        beside_plain = ("kind",)
        preconditioner = None

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """A torch optimizer of these parameters, or of groups of them."""
        raise NotImplementedError(f"{type(self).__name__} needs build()")

    def scheme(self) -> Any:
        """The scheme by which the SDE of its steps is walked; None where the SDE of the loss is not theirs.

        The twin of a training by such an optimizer is that of SGD at its learning rate, and says so.
        """
        return None
