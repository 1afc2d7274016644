"""Readings that one writes with torch: torch.func for gradients, power iteration for λ_max, as PyHessian."""

from __future__ import annotations

from typing import Any

import networks
import torch
from serve import Run, serve
from torch.func import functional_call, grad, vmap

FOUND: dict[str, float] = {}
# As many numbers of gradients at a time as sdesim makes.
ROOM = 8_000_000


def make(problem: dict[str, Any]) -> Run:
    """What is asked for, at the network's first weights."""
    torch.set_num_threads(1)
    module, loss, x, y = networks.network(problem["network"])
    weights = {name: p.detach() for name, p in module.named_parameters()}
    size = sum(p.numel() for p in weights.values())

    def value(p: Any, a: Any, b: Any) -> Any:
        return loss(functional_call(module, p, (a,)), b)

    def gradients(rows: Any) -> Any:
        of = vmap(grad(value), in_dims=(None, 0, 0))
        for some in torch.split(rows, max(1, ROOM // size)):
            yield torch.cat([g.reshape(len(some), -1) for g in of(weights, x[some], y[some]).values()], dim=1)

    def run(steps: int) -> Any:
        if problem["what"] == "gradients":
            found = torch.cat(list(gradients(networks.batches(len(x))))).double()
            FOUND["found"] = float(found.var(dim=0).sum())
        elif problem["what"] == "lambda_max":
            FOUND["found"] = power(module, loss, x, y)
        else:
            mean, square = 0.0, 0.0
            for part in gradients(torch.arange(len(x))[:, None]):
                mean, square = mean + part.double().sum(dim=0), square + float(part.double().square().sum())
            FOUND["found"] = square / len(x) - float((mean / len(x)).square().sum())

    return run


def power(module: Any, loss: Any, x: Any, y: Any) -> float:
    """Power iteration by double backward until λ changes by less than 1e-3, at most 100 steps."""
    parameters = list(module.parameters())
    slopes = torch.autograd.grad(loss(module(x), y), parameters, create_graph=True)
    generator = torch.Generator().manual_seed(0)
    v = [torch.randn(p.shape, generator=generator) for p in parameters]
    last = None
    for _ in range(100):
        length = torch.sqrt(sum(torch.sum(part * part) for part in v))
        v = [part / length for part in v]
        made = torch.autograd.grad(slopes, parameters, v, retain_graph=True)
        now = float(sum(torch.sum(a * b) for a, b in zip(made, v, strict=True)))
        if last is not None and abs(now - last) < 1e-3 * (abs(last) + 1e-6):
            break
        last, v = now, list(made)
    return now


if __name__ == "__main__":
    serve(make, "torch", extra=lambda problem: FOUND)
