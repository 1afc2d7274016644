"""Muon: orthogonalised momentum for matrices, AdamW for all other parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE

if TYPE_CHECKING:
    from torch.optim import Optimizer


# Fields of the second optimizer.
_OF_ADAMW = ("adamw_lr", "betas", "eps")


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
        ns_coefficients: of the polynomial of which a Newton–Schulz iteration makes O.
        ns_steps: how many iterations.
        muon_eps: the least norm by which the momentum is divided before; torch's eps.

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
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315)
    # Torch takes fewer than 100.
    ns_steps: Annotated[int, Ge(1), Lt(100)] = 5
    muon_eps: Annotated[float, Gt(0)] = 1e-7

    torch_name: ClassVar[str] = "Muon"
    renamed: ClassVar[Mapping[str, str]] = {"adjust": "adjust_lr_fn"}
    refused_fields: ClassVar[Mapping[str, str]] = {
        **Base.refused_fields, "adjust_lr_fn": "it is called adjust here",
    }  # fmt: skip
    preconditioner: ClassVar[str | None] = "muon"
    decoupled_decay: ClassVar[bool] = True

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """One optimizer of torch.optim.Muon and torch.optim.AdamW; of one alone where that has everything."""
        import torch

        from sdesim.optimizers.joint import joined

        matrices, others = _split(parameters)
        parts: list[Optimizer] = []
        if matrices:
            parts.append(torch.optim.Muon(matrices, **self.settings()))
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
        made: Optimizer = joined(parts)
        return made

    def settings(self) -> dict[str, Any]:
        """Those of torch.optim.Muon."""
        found = {name: value for name, value in super().settings().items() if name not in _OF_ADAMW}
        found["eps"] = found.pop("muon_eps")
        return found

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """Why there is none."""
        return (
            "Muon has no SDE: no SDE of orthogonalised steps is known: the polar factor of a noisy "
            "matrix turns with singular values that are noise alone; nearest: adamw"
        )


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
