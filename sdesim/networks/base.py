"""What every recipe of a network offers, most of it before torch is asked."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.bases import Defaults, default
from sdesim.kinds.misfit import Path, Problem

if TYPE_CHECKING:
    from torch import nn

    from sdesim.data import Base as Data
    from sdesim.data import Dataset
    from sdesim.networks.losses import Base as Loss
    from sdesim.surfaces import Surface

Shapes = tuple[tuple[int, ...], ...]
_RECIPES: WeakKeyDictionary[Any, Base] = WeakKeyDictionary()


def recipe_of(module: nn.Module) -> Base | None:
    """The recipe that built this very module, None for others and for copies of it."""
    return _RECIPES.get(module)


class Base(Defaults):
    """A network by its recipe: how large it is, and how it is built with its initial weights.

    A network of one's own is a frozen dataclass that derives from this and has `make`; a field `seed` of
    whole numbers, if there is one, decides its initial weights. `inputs`, `outputs` and `shapes`, where they
    are known from the fields, spare a trial; what it says of itself besides is None, or empty, where only a
    trial shows it.
    """

    @default
    def inputs(self) -> int | None:
        """Features that it takes."""
        return None

    @default
    def outputs(self) -> int | None:
        """Numbers that it gives for an example, or for each position of one."""
        return None

    @default
    def input_shape(self) -> tuple[int, ...] | None:
        """How it arranges the features: (C, H, W) or (C, L)."""
        return None

    @default
    def input_tokens(self) -> int | None:
        """V where it takes tokens 0 … V − 1."""
        return None

    @default
    def output_positions(self) -> int | None:
        """Positions of an example for which it gives outputs, where it gives them not once."""
        return None

    @default
    def inputs_at(self) -> Path:
        """Place of the inputs among the fields, for messages."""
        return ()

    @default
    def outputs_at(self) -> Path:
        """Place of the outputs."""
        return ()

    @default
    def positions_at(self) -> Path:
        """Place of what decides the positions."""
        return ()

    @default
    def training_layers(self) -> tuple[str, ...]:
        """Kinds of layers that compute something else in training than in evaluation."""
        return ()

    @default
    def compiled(self) -> bool:
        """Whether it has a compiled surface under every loss that has one: False."""
        return False

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        taken = [name for name in inspect.get_annotations(cls) if name in _SAID]
        if taken:
            message = f"{cls.__name__} has a field {taken[0]}, by which every network says {_SAID[taken[0]]}"
            raise SdesimError(f"{message}: rename it")

    def make(self) -> nn.Module:
        """A new module with its initial weights, drawn from torch's global generator."""
        raise NotImplementedError(f"{type(self).__name__} needs make()")

    def build(self) -> nn.Module:
        """A new module with its initial weights, the same each time; torch's global generator is left alone.

        Raises:
            SdesimError: it can't be built, is no module, or has no parameters.
        """
        import torch

        name = getattr(self, "kind", type(self).__name__)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(getattr(self, "seed", 0)))
            try:
                module: Any = self.make()
            except SdesimError:
                raise
            except Exception as error:
                raise SdesimError(
                    f"{name} can't be built: {type(error).__name__}: {first_line(error)}"
                ) from error
        if not isinstance(module, torch.nn.Module) or not any(True for _ in module.parameters()):
            raise SdesimError(
                f"{name} built {type(module).__name__}, allowed: a torch.nn.Module with parameters"
            )
        _RECIPES[module] = self
        return module

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return str(getattr(self, "kind", type(self).__name__))

    @property
    def shapes(self) -> Shapes:
        """Shapes of the parameters, in the order of `named_parameters`."""
        return tuple(self._built.values())

    @cached_property
    def _built(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(p.shape) for name, p in self.build().named_parameters()}

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of `named_parameters`; torch builds the network for them."""
        return tuple(self._built)

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def example_operations(self) -> float | None:
        """Floating-point operations of loss and gradient for one example; None where only a trial shows
        them."""
        return None

    @property
    def weights(self) -> tuple[int, ...]:
        """Entries of each weight array, those with more than one axis: what pruning takes from."""
        return tuple(math.prod(shape) for shape in self.shapes if len(shape) > 1)

    @property
    def biases(self) -> int:
        """Number of all other parameters."""
        return self.dim - sum(self.weights)

    def surface(self, x: Any, y: Any, loss: Loss) -> Surface | None:
        """The loss on given examples as a compiled surface of θ in the order of `shapes`; None without.

        Args:
            x: inputs (n, features).
            y: labels (n,) or targets (n, outputs).
            loss: of the examples.
        """
        return None

    def problems(self, data: Data | Dataset, outputs: int | None = None) -> Iterator[Problem]:
        """What of this network does not fit the data, each with its place among the fields.

        Args:
            outputs: that the loss needs; None: those of the data.
        """
        wanted = data.outputs if outputs is None else outputs
        last = "classes of the data" if data.labelled else "targets of the data"
        if wanted != data.outputs:
            last = "outputs that the loss needs"
        sizes = (
            (self.inputs_at, self.inputs, data.features, "features of the data"),
            (self.outputs_at, self.outputs, wanted, last),
        )
        wrong = [
            (at, f"found {size}, allowed: {allowed}, the {what}")
            for at, size, allowed, what in sizes
            if size is not None and size != allowed
        ]
        wrong += self._arrangement(data)
        yield from wrong
        if not wrong and (self.inputs is None or self.outputs is None):
            yield from self._trial(data, wanted, last)

    def _arrangement(self, data: Data | Dataset) -> Iterator[Problem]:
        """Shape, tokens and positions, as far as they are known."""
        shape, tokens = self.input_shape, self.input_tokens
        # Features in a row have no arrangement of their own: the network says theirs.
        if shape is not None and len(data.shape) > 1 and shape != data.shape:
            yield ("shape",), f"found {list(shape)}, allowed: {list(data.shape)}, the shape of the data"
        if tokens is not None and tokens != data.vocabulary:
            text = f"found {tokens}, allowed: {data.vocabulary}, the tokens of the data"
            none = f"found {tokens}, but these data hold numbers and no tokens"
            yield ("vocabulary",), none if data.vocabulary is None else text
        if self.outputs is not None and self.output_positions != data.positions:
            found, allowed = (
                ("n", *(() if places is None else (places,)), self.outputs)
                for places in (self.output_positions, data.positions)
            )
            what = (
                "one answer an example" if data.positions is None else f"{data.positions} labels an example"
            )
            yield (
                self.positions_at,
                f"gives {_told(found)} for n examples, allowed: {_told(allowed)}, for data with {what}",
            )

    def _trial(self, data: Data | Dataset, outputs: int, last: str) -> Iterator[Problem]:
        """What a forward pass of two rows of zeros shows."""
        import torch

        try:
            module = self.build().eval()
            x = torch.zeros(2, data.features, dtype=next(module.parameters()).dtype)
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                found = module(x)
        except SdesimError as error:
            yield (), str(error)
            return
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            yield (), f"can't take two examples of {data.features} features, the data's: {said}"
            return
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        wanted = (2, outputs) if data.positions is None else (2, data.positions, outputs)
        if shape != wanted:
            yield (), f"gives {shape} for two examples, allowed: {wanted}, the {last}"


def _told(shape: tuple[Any, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


# What a field would hide.
_SAID = {
    "dim": "its number of parameters",
    "shapes": "the shapes of its parameters",
    "parameter_names": "the names of its parameters",
    "weights": "the sizes of its weight arrays",
    "biases": "the number of its other parameters",
    "example_operations": "what an example costs",
    "label": "what it is",
    "make": "how it is made",
    "build": "how it is built",
    "surface": "its surface",
    "problems": "what does not fit",
}
