"""A user's own torch module class as a network: its constructor's arguments are the fields."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from sdesim.kinds import Misfit, adopter, kind
from sdesim.kinds.constructor import Argument, constructor_docstring, constructor_fields, given_arguments
from sdesim.networks.base import Base

if TYPE_CHECKING:
    from torch import nn

# Arguments of these names are fields with an underscore behind, because a network has them itself.
_RESERVED = frozenset(name for name in dir(Base) if not name.startswith("_")) - {"inputs", "outputs"}
_RESERVED |= {"kind", "family", "module_class", "arguments"}
_Seed = Annotated[int, Ge(0), Lt(2**63)]
_SEED_TEXT = "of torch's generator while the network is built: it decides the initial weights."


class Adopted(Base):
    """A network whose sizes only a build shows, in float64."""

    module_class: ClassVar[Any]
    arguments: ClassVar[dict[str, Argument]]

    def make(self) -> nn.Module:
        """The module, its parameters and buffers in float64."""
        module: nn.Module = self.module_class(**given_arguments(self, self.arguments))
        return module.double()


@adopter("networks")
def adopted(name: str, cls: type) -> type:
    """A torch.nn.Module class as a registered kind of networks.

    Every argument of the constructor that plain data can give is a field of its type and default, and `seed`
    is added; arguments of other types keep their defaults.

    Args:
        name: what a scenario file calls it, such as "mynet:Net".
        cls: the class.

    Raises:
        Misfit: it is no module class, or needs an argument that no file can give.
    """
    from torch import nn

    if not issubclass(cls, nn.Module):
        message = f"found {name!r}, but {cls.__name__} is neither a kind of networks nor a torch.nn.Module"
        raise Misfit("kind", message)
    fields, arguments = constructor_fields(name, cls, _RESERVED)
    more = {} if "seed" in arguments else {"seed": _SEED_TEXT}
    if more:
        fields.append(("seed", _Seed, dataclasses.field(default=0)))
    made = dataclasses.make_dataclass(
        cls.__name__,
        fields,
        bases=(Adopted,),
        frozen=True,
        kw_only=True,
        namespace={
            "module_class": cls,
            "arguments": arguments,
            "__doc__": constructor_docstring(cls, arguments, more),
        },
    )
    made.__module__ = cls.__module__
    return kind("networks", name)(made)
