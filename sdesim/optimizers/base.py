"""What every recipe of an optimizer offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from sdesim.errors import RunError
from sdesim.kinds.fields import fields_by_name
from sdesim.kinds.misfit import Misfit, Problem, path_text
from sdesim.kinds.registry import fields_of
from sdesim.kinds.spelling import nearest, short
from sdesim.optimizers.sde import Form

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from sdesim.optimizers.sde import OptimizerSDE

_HOW = "it says how torch computes a step, not which: that is left as torch has it, so that bits stay"
# So many names of parameters are shown where a pattern matches none.
_SHOWN = 12
# Settings that say how much a running mean keeps of itself.
_MEMORIES = ("betas", "alpha")


@dataclass(frozen=True)
class Base:
    """How parameters move: an optimizer of torch's, or of one's own, by its settings.

    One of torch's says its class's name in `torch_name`, and its fields are torch's parameters. An optimizer
    of one's own is a frozen dataclass that derives from this and has `lr`, `batch_size` and `build`. The
    others say how it compares with the gradient descent that the SDE follows; what is not said counts as
    unlike it, so that nothing is read off a run for which it does not hold.

    Args:
        groups: parameters that move by settings of their own, by patterns of their names, such as
            {match: "*.bias", weight_decay: 0}; the first that matches holds, all others have those above.

    Attributes:
        lr: learning rate η.
        batch_size: examples to a minibatch, None for full batch.
        momentum: β, by which a step takes over the one before; 0 without.
        maximize: whether a step climbs the loss.
        plain: whether a step is θ ← θ − η g, nothing else.
        beside_plain: the settings that make it another than that, or ("kind",) where it always is.
        preconditioner: name of the rule that scales its coordinates unequally; None where none does.
        decoupled_decay: whether weight decay acts on θ itself instead of on the gradient.
        keeps_rate: whether a learning rate that changes after the first step changes nothing.
        torch_name: of the class in torch.optim.
        renamed: field → torch's parameter, where they differ.
        refused_fields: torch's parameters that no field stands for, each with the reason.
        refused_kinds: names in torch.optim that no kind stands for, each with the reason.
        told_by_letters: names are told by their letters alone, so that torch's spelling is one of ours.
    """

    groups: tuple[dict[str, Any], ...] = field(default=(), kw_only=True)

    told_by_letters: ClassVar[bool] = True
    torch_name: ClassVar[str] = ""
    renamed: ClassVar[Mapping[str, str]] = {}
    refused_fields: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("foreach", "fused", "capturable", "differentiable"), _HOW
    )
    refused_kinds: ClassVar[Mapping[str, str]] = {
        "LBFGS": "a step of it calls the loss several times on one minibatch, which no SDE of single steps "
        "follows; in Python, record takes it as a function of the parameters",
        "SparseAdam": "it takes sparse gradients alone, which no network by its kind has",
    }

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def lr(self) -> float: ...

        @property
        def batch_size(self) -> int | None: ...

        @property
        def momentum(self) -> float: ...

        @property
        def maximize(self) -> bool: ...

        @property
        def plain(self) -> bool: ...

        @property
        def beside_plain(self) -> tuple[str, ...]: ...

        @property
        def preconditioner(self) -> str | None: ...

        @property
        def decoupled_decay(self) -> bool: ...

        @property
        def keeps_rate(self) -> bool: ...

    else:
        momentum = 0.0
        maximize = plain = decoupled_decay = keeps_rate = False
        beside_plain = ("kind",)
        preconditioner = None

    def __post_init__(self) -> None:
        for _ in self.members():
            pass

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """A torch optimizer of these parameters, or of groups of them, without those of `groups`.

        Here torch's class of that name, with the fields as its parameters.
        """
        if not self.torch_name:
            raise NotImplementedError(f"{type(self).__name__} needs build()")
        import torch

        made: Optimizer = getattr(torch.optim, self.torch_name)(parameters, **self.settings())
        return made

    def settings(self) -> dict[str, Any]:
        """Torch's parameters by name: all fields but the batch size and the groups."""
        return {
            self.renamed.get(name, name): getattr(self, f.name)
            for name, f in fields_by_name(self).items()
            if name not in ("batch_size", "groups")
        }

    def build_named(self, names: Sequence[str], parameters: Sequence[Any]) -> Optimizer:
        """A torch optimizer of parameters that have names, in their groups.

        Each group moves as by an optimizer of its own settings. Those without a group come first.

        Raises:
            RunError: groups that do not fit the names.
        """
        if not self.groups:
            return self.build(parameters)
        for path, text in self.misfits(names):
            raise RunError(f"optimizer.{path_text(path)}: {text}")
        from sdesim.optimizers.joint import joined

        made: Optimizer = joined(
            [member.build([parameters[k] for k in places]) for member, places in self._placed(names)]
        )
        return made

    def members(self) -> Iterator[tuple[str, Base]]:
        """Pattern of each group, and the optimizer of its settings.

        Raises:
            Misfit: what a group says that does not fit, with its place.
        """
        own = {name: value for name, value in fields_of(self).items() if name != "groups"}
        allowed = [name for name in own if name != "batch_size"]
        for k, group in enumerate(self.groups):
            changes = {name: value for name, value in group.items() if name != "match"}
            if not isinstance(group.get("match"), str) or not group["match"]:
                found = f"found {short(group['match'])}, allowed: " if "match" in group else "missing: "
                raise Misfit(("groups", k, "match"), f"{found}a pattern of names such as *.bias")
            unknown = [name for name in changes if name not in allowed]
            if unknown:
                raise Misfit(("groups", k, unknown[0]), f"unknown field{nearest(unknown[0], allowed)}")
            try:
                yield group["match"], type(self)(**{**own, **changes})
            except Misfit as error:
                raise Misfit([(("groups", k, *at), text) for at, text in error.problems]) from None

    def misfits(self, names: Sequence[str]) -> Iterator[Problem]:
        """What of the groups does not fit the names of a network's parameters, each with its place."""
        taken = self._taken(names)
        for k, group in enumerate(self.groups):
            if k in taken:
                continue
            if any(fnmatchcase(name, group["match"]) for name in names):
                text = f"found {short(group['match'])}, all of whose parameters match a pattern before it"
            else:
                text = f"found {short(group['match'])}, which matches no parameter, allowed: a pattern of "
                text += _listed(names)
            yield ("groups", k, "match"), text
        if self.groups and all(member.lr != self.lr for member, _ in self._placed(names)):
            text = f"found {self.lr:g}, which no parameter has, as all match a pattern with another rate; "
            yield ("lr",), text + "time and twins go by it: allowed: the rate of one of the groups"

    def overlap(self, names: Sequence[str]) -> str:
        """Which parameters match several patterns, in a sentence; empty where none does."""
        patterns = [pattern for pattern, _ in self.members()]
        twice = [name for name in names if sum(fnmatchcase(name, p) for p in patterns) > 1]
        if not twice:
            return ""
        return f"of several patterns that match the first holds, for {_listed(twice)}"

    def _taken(self, names: Sequence[str]) -> list[int | None]:
        """Of each name the number of its group, None without."""
        patterns = [pattern for pattern, _ in self.members()]
        return [next((k for k, p in enumerate(patterns) if fnmatchcase(name, p)), None) for name in names]

    def _placed(self, names: Sequence[str]) -> list[tuple[Base, list[int]]]:
        """The optimizer of each group that has parameters, and their places; first those at the kind's own
        rate, which is the run's."""
        taken, own = self._taken(names), {n: v for n, v in fields_of(self).items() if n != "groups"}
        parts: list[tuple[int | None, Base]] = [(None, type(self)(**own))]
        parts += [(k, member) for k, (_, member) in enumerate(self.members())]
        found = [(member, [at for at, of in enumerate(taken) if of == k]) for k, member in parts]
        return sorted((part for part in found if part[1]), key=lambda part: part[0].lr != self.lr)

    def sde(
        self, parameters: Sequence[tuple[str, int]] = (), *, form: Form | None = None
    ) -> OptimizerSDE | str:
        """The SDE of its steps, or a sentence that says why it has none and what is nearest.

        Args:
            parameters: name and number of coordinates of each parameter in the order in which θ holds them,
                which optimizers with groups need.
            form: of a momentum; default "underdamped".
        """
        if form is not None and form not in get_args(Form):
            return f"form must be {' or '.join(get_args(Form))}, got {short(form)}"
        if form is not None and not self.momentum:
            return f"form is for SGD with momentum, found {short(form)}; nearest: without form"
        if not self.groups:
            return self.equation(form)
        from sdesim.optimizers.sde_of_groups import of_groups

        if not parameters:
            return "an optimizer with groups needs the names of the parameters for its SDE"
        names = [name for name, _ in parameters]
        return of_groups(self, self._placed(names), [size for _, size in parameters], form)

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """The same without groups; an optimizer of one's own says here what its SDE is."""
        name = type(self).__name__
        return f"no SDE is known for the steps of {name}; nearest: that of SGD at its learning rate"

    def scaled(self, kappa: float) -> Base:
        """The optimizer at κ times the batch that follows the same SDE.

        Raises:
            Misfit: it has no scaling rule, or a setting leaves its range.
        """
        raise Misfit((), f"no scaling rule is known for {type(self).__name__}")

    def short(self, factor: int) -> Base | str:
        """The optimizer of l short steps that stand for one, on gradients of l times the covariance.

        A step of it takes 1/l of the time, so that all l have the same SDE. A sentence where none is known.

        Args:
            factor: l.
        """
        return f"no short steps with amplified noise are known for {type(self).__name__}"

    def with_batch(self, kappa: float, **factors: float) -> Self:
        """This at κ times the batch, settings times their factors; a β by its 1 − β.

        Raises:
            Misfit: the batch is no whole number, or a β falls below 0.
        """
        own = {name: value for name, value in fields_of(self).items() if name != "groups"}
        changed = {**own, **_scaled_settings(own, factors)}
        if self.batch_size is not None:
            size = self.batch_size * kappa
            if abs(size - round(size)) > 1e-9 * size or round(size) < 1:
                raise Misfit("batch_size", f"found {size:g}, allowed: a whole number of examples")
            changed["batch_size"] = round(size)
        groups = tuple({**group, **_scaled_settings(group, factors)} for group in self.groups)
        return type(self)(**changed, **({"groups": groups} if groups else {}))

    def scheme(self) -> Any:
        """The compiled scheme that makes its steps on the SDE of the loss; None where there is none.

        The twin of a training by such an optimizer is walked by torch, along `sde`.
        """
        return None


def _scaled_settings(settings: Mapping[str, Any], factors: Mapping[str, float]) -> dict[str, Any]:
    """The settings that have a factor, times it."""
    found: dict[str, Any] = {}
    for name, factor in factors.items():
        if name not in settings or factor == 1.0:
            continue
        value = settings[name]
        if name in _MEMORIES:
            values = [1.0 - factor * (1.0 - beta) for beta in (value if name == "betas" else (value,))]
            if min(values) < 0.0:
                raise Misfit(name, f"{short(value)} falls below 0 at {factor:g} times 1 − β")
            found[name] = tuple(values) if name == "betas" else values[0]
        else:
            found[name] = value * factor
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])
