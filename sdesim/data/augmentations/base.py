"""What every augmentation offers, and several of them in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdesim.errors import SdesimError
from sdesim.kinds.registry import fields_of, is_kind

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Base:
    """A random change of inputs, drawn anew for each example whenever training reads it.

    One of one's own is a frozen dataclass that derives from this and has `change`; `misfit` says which data
    it does not suit.
    """

    def misfit(self, shape: tuple[int, ...], vocabulary: int | None = None) -> str:
        """Why it does not suit such data; empty where it does.

        Args:
            shape: of an example. vocabulary: number of tokens, where the features are tokens.
        """
        return ""

    def change(self, x: Tensor, generator: Generator) -> Tensor:
        """Inputs (B, *shape) changed, in their own dtype.

        Args:
            generator: on the CPU, where all random numbers come from.
        """
        raise NotImplementedError(f"{type(self).__name__} needs change()")

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        """Inputs (B, …) in their own shape changed, as `Recipe` takes an augmentation.

        Raises:
            SdesimError: it does not suit inputs of that shape.
        """
        return Chain((self,))(x, generator)


@dataclass(frozen=True, eq=False)
class Chain:
    """Augmentations one after the other.

    Args:
        parts: in their order.
        shape: how an example's features are arranged; None: as the inputs come.
        vocabulary: number of tokens, where the features are tokens.

    Raises:
        SdesimError: one does not suit such data.
    """

    parts: Sequence[Base]
    shape: tuple[int, ...] | None = None
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        if self.shape is not None:
            self._check(self.shape)

    @property
    def label(self) -> str:
        """What a run says of it."""
        return ", ".join(_told(part) for part in self.parts)

    def _check(self, shape: tuple[int, ...]) -> None:
        for k, part in enumerate(self.parts):
            text = part.misfit(shape, self.vocabulary)
            if text:
                raise SdesimError(f"augment[{k}]: {text}")

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        """Inputs (B, …) changed, in the shape in which they come."""
        shape = tuple(x.shape[1:]) if self.shape is None else self.shape
        if self.shape is None:
            self._check(shape)
        made = x.reshape(len(x), *shape)
        for part in self.parts:
            made = part.change(made, generator)
        return made.reshape(x.shape)


def _told(part: Base) -> str:
    """The kind with its fields: "crop (padding 1)"."""
    if not is_kind(part, "augmentations"):
        return type(part).__name__
    fields = ", ".join(f"{name} {value}" for name, value in fields_of(part).items())
    return f"{getattr(part, 'kind')} ({fields})" if fields else str(getattr(part, "kind"))  # noqa: B009


def no_image(shape: tuple[int, ...]) -> str:
    """What is said of data that are no images; empty for images."""
    return "" if len(shape) == 3 else f"found examples of shape {shape}, allowed: images (C, H, W)"
