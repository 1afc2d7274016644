"""What every recipe of a network offers, most of it before torch is asked."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.misfit import Path, Problem

if TYPE_CHECKING:
    from torch import nn

    from sdesim.data import Base as Data
    from sdesim.networks.losses import Base as Loss
    from sdesim.surfaces import Surface

Shapes = tuple[tuple[int, ...], ...]
_RECIPES: WeakKeyDictionary[Any, Base] = WeakKeyDictionary()


def recipe_of(module: nn.Module) -> Base | None:
    """The recipe that built this very module, None for others and for copies of it."""
    return _RECIPES.get(module)


class Base:
    """A network by its recipe: how large it is, and how it is built with its initial weights.

    A network of one's own is a frozen dataclass that derives from this and has `make`; a field `seed` of
    whole numbers, if there is one, decides its initial weights. `inputs`, `outputs` and `shapes`, where they
    are known from the fields, spare a trial.

    Attributes:
        inputs: features that it takes, None where only a trial shows them.
        outputs: numbers that it gives for an example, None where only a trial shows them.
        inputs_at, outputs_at: places of these among the fields, for messages.
    """

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def inputs(self) -> int | None: ...

        @property
        def outputs(self) -> int | None: ...

        @property
        def inputs_at(self) -> Path: ...

        @property
        def outputs_at(self) -> Path: ...

    else:
        inputs = outputs = None
        inputs_at = outputs_at = ()

    def __init_subclass__(cls) -> None:
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
        return self._built_shapes

    @cached_property
    def _built_shapes(self) -> Shapes:
        return tuple(tuple(p.shape) for p in self.build().parameters())

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of `named_parameters`; torch builds the network for them."""
        return tuple(name for name, _ in self.build().named_parameters())

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

    def problems(self, data: Data) -> Iterator[Problem]:
        """What of this network does not fit the data, each with its place among the fields."""
        last = "classes" if data.labelled else "targets"
        sizes = (
            (self.inputs_at, self.inputs, data.features, "features"),
            (self.outputs_at, self.outputs, data.outputs, last),
        )
        wrong = [
            (at, f"found {size}, allowed: {allowed}, the {what} of the data")
            for at, size, allowed, what in sizes
            if size is not None and size != allowed
        ]
        yield from wrong
        if not wrong and (self.inputs is None or self.outputs is None):
            yield from self._trial(data.features, data.outputs, last)

    def _trial(self, features: int, outputs: int, last: str) -> Iterator[Problem]:
        """What a forward pass of two rows of zeros shows."""
        import torch

        try:
            module = self.build().eval()
            x = torch.zeros(2, features, dtype=next(module.parameters()).dtype)
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                found = module(x)
        except SdesimError as error:
            yield (), str(error)
            return
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            yield (), f"can't take two examples of {features} features, the data's: {said}"
            return
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if shape != (2, outputs):
            yield (), f"gives {shape} for two examples, allowed: (2, {outputs}), the {last} of the data"


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
