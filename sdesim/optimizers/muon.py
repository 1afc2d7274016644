"""Muon: orthogonalised momentum for matrices, AdamW for all other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.closure import loss_of

if TYPE_CHECKING:
    from torch.optim import Optimizer


@kind("optimizers", "muon")
@dataclass(frozen=True)
class Muon(Base):
    """θ ← (1 − η w) θ − η c O for matrices θ, O ≈ UVᵀ of the momentum's singular value decomposition USVᵀ.

    torch.optim.Muon, which takes weights of two axes only; biases, gains and filters of more axes are moved
    by torch.optim.AdamW. Both are groups of one optimizer, so that a schedule moves both rates.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        momentum: of the matrices' gradients.
        nesterov: whether the step looks ahead.
        weight_decay: w, of both optimizers; it acts on θ itself.
        adjust: c: "original" is √max(1, rows/columns), "match_rms_adamw" 0.2 √max(rows, columns), so that
            steps are as large as AdamW's.
        adamw_lr: η of all other parameters; without it lr.
        betas: β₁ and β₂ of AdamW.
        eps: added to √v̂ by AdamW.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks (2024); c as in Liu et al.,
    arXiv 2502.16982.

    Example:
        {kind: muon, lr: 1e-3, batch_size: 64, adjust: match_rms_adamw}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.95
    nesterov: bool = True
    weight_decay: Annotated[float, Ge(0)] = 0.1
    adjust: Literal["original", "match_rms_adamw"] = "original"
    adamw_lr: Annotated[float, Gt(0)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8

    preconditioner: ClassVar[str | None] = "muon"
    decoupled_decay: ClassVar[bool] = True

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """One optimizer of torch.optim.Muon and torch.optim.AdamW; of one alone where that has everything."""
        import torch

        matrices, others = _split(parameters)
        parts: list[Optimizer] = []
        if matrices:
            parts.append(
                torch.optim.Muon(
                    matrices,
                    lr=self.lr,
                    weight_decay=self.weight_decay,
                    momentum=self.momentum,
                    nesterov=self.nesterov,
                    adjust_lr_fn=self.adjust,
                )
            )
        if others:
            parts.append(
                torch.optim.AdamW(
                    others,
                    lr=self.adamw_lr or self.lr,
                    betas=(self.betas[0], self.betas[1]),
                    eps=self.eps,
                    weight_decay=self.weight_decay,
                )
            )
        made: Optimizer = parts[0] if len(parts) == 1 else _joint_class()(parts)
        return made


def _split(parameters: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Groups of the matrices, and of all others; a group that is given keeps its settings for both."""
    found: tuple[list[Any], list[Any]] = ([], [])
    given = list(parameters)
    groups = given if given and isinstance(given[0], dict) else [{"params": given}]
    for group in groups:
        members = list(group["params"]) if not hasattr(group["params"], "ndim") else [group["params"]]
        for place, wanted in zip(found, (True, False), strict=True):
            chosen = [p for p in members if (p.ndim == 2) is wanted]
            if chosen:
                place.append({**group, "params": chosen})
    return found


@cache
def _joint_class() -> Any:
    """The class of joint torch optimizers, made when torch is first needed."""
    import torch

    class MuonAdamW(torch.optim.Optimizer):
        """Several optimizers as one: their groups side by side, their states in one place."""

        def __init__(self, parts: list[Any]) -> None:
            self.parts = parts
            super().__init__([group for part in parts for group in part.param_groups], {})
            self._share()

        def _share(self) -> None:
            """Let the parts hold the very groups and states of the whole."""
            place = 0
            for part in self.parts:
                end = place + len(part.param_groups)
                part.param_groups, part.state = self.param_groups[place:end], self.state
                place = end

        @torch.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            """One step of each; returns what the closure does."""
            loss = loss_of(closure)
            for part in self.parts:
                part.step()
            return loss

        def __getstate__(self) -> dict[str, Any]:
            return {**super().__getstate__(), "parts": self.parts}

        def load_state_dict(self, state_dict: Any) -> None:
            """As of torch's optimizers."""
            super().load_state_dict(state_dict)
            self._share()

    MuonAdamW.__qualname__ = "MuonAdamW"
    return MuonAdamW


def __getattr__(name: str) -> Any:
    if name == "MuonAdamW":
        return _joint_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
