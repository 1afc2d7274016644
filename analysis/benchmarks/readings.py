"""Problem H: what readings of networks cost, beside torch.func, power iteration and curvlinops."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from .contest import Arena
from .environments import Missing
from .problems import BASE
from .rows import Row

NETWORKS = {
    "dense": "dense, 2,410 parameters, 500 examples",
    "convolutional": "CNN, 10,003 parameters, 256 examples",
    "transformer": "GPT-2's form, 114,432 parameters, 128 sequences of 32",
    "residual": "ResNet-18's form, 176,178 parameters, 64 pictures",
}
WHAT = {
    "gradients": "a gradient reading, 32 batches of 16",
    "lambda_max": "λ_max of all examples, to a thousandth",
    "exact": "Tr Σ₁ of all examples, exactly",
    "hessian": "a first reading with the Hessian, 64 batches of 16",
    "later": "the same once more after a step",
    "without_draws": "the same without draws",
}
# Readings that draw batches of their own, or that nobody else takes.
_UNTOLD = ("gradients", "hessian", "later", "without_draws")
# Two answers to one question differ by no more than this, but for power iteration, which stops too soon.
_ALIKE = 0.01


@dataclass(frozen=True)
class _Reader:
    name: str
    script: str
    environment: str
    what: tuple[str, ...]


_READERS = (
    _Reader(BASE, "reading_sdesim.py", BASE, tuple(WHAT)),
    _Reader("sdesim, one backward pass", "reading_norms.py", BASE, ("exact",)),
    _Reader("torch.func; power iteration", "reading_torch.py", "torch", ("gradients", "lambda_max", "exact")),
    _Reader("curvlinops and eigsh", "reading_curvlinops.py", "curvlinops", ("lambda_max",)),
)


def readings(arena: Arena) -> list[Row]:
    """CPU seconds of each reading of each network, all readers in turn, round after round."""
    rows: list[Row] = []
    networks, questions = list(NETWORKS), list(WHAT)
    if arena.scale < 0.1:
        networks, questions = ["dense"], ["gradients", "lambda_max", "exact", "later"]
    for network in networks:
        for what in questions:
            rows += _compared(arena, network, what)
    return rows


def _compared(arena: Arena, network: str, what: str) -> list[Row]:
    title, workers = f"{WHAT[what]}: {NETWORKS[network]}", {}
    rows: list[Row] = []
    facts = {"network": network, "what": what, "steps": 1}
    try:
        for reader in _READERS:
            if what not in reader.what or (reader.environment != BASE and not arena.peers):
                continue
            arena.say(f"H: starting {reader.name}, {network}, {what}")
            try:
                workers[reader.name] = arena.start(reader.script, reader.environment, facts)
                arena.versions |= workers[reader.name].versions
            except Missing as reason:
                rows.append(Row("H", title, reader.name, "s", note=str(reason)))
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for turn in range(arena.rounds):
            arena.say(f"H: {network}, {what}, round {turn + 1} of {arena.rounds}")
            for name, worker in list(workers.items())[:: 1 if turn % 2 == 0 else -1]:
                found[name].append(worker.run())
    finally:
        for worker in workers.values():
            worker.close()
    return [_row(title, name, found, told=what not in _UNTOLD) for name in found] + rows


def _row(title: str, name: str, found: dict[str, list[dict[str, Any]]], told: bool) -> Row:
    costs = [answer["cpu_seconds"] for answer in found[name]]
    base = [answer["cpu_seconds"] for answer in found.get(BASE, [])]
    ratios = [a / b for a, b in zip(costs, base, strict=False)]
    value = found[name][-1]["found"]
    note = ""
    if base and name != BASE:
        ours = found[BASE][-1]["found"]
        if told and abs(value - ours) > _ALIKE * abs(ours):
            note = f"another answer: {value:.4g}, sdesim's {ours:.4g}"
    return Row(
        "H", title, name, "s", statistics.median(costs), min(costs), max(costs),
        *(() if name == BASE or not ratios else (statistics.median(ratios), min(ratios), max(ratios))),
        note=note, details={"costs": costs, "found": value},
    )  # fmt: skip
