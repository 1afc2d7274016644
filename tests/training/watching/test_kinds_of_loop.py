"""Loops as people write them: the training is as it was, and the parts of its gradient are read rightly."""

import copy
import functools
import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from sdesim.training import watch

LOSS = nn.CrossEntropyLoss()
WORDS, PLACES, WIDTH = 9, 5, 4


class Vectors(nn.Module):
    """How its middle is called: at once, or again in the backward pass. A layer may have no formula."""

    def __init__(self, again=None, known=True):
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        bend = nn.Tanh() if known else nn.PReLU(8)
        self.middle, self.again = nn.Sequential(nn.Linear(8, 8), bend), again

    def forward(self, x):
        h = self.first(x)
        h = self.middle(h) if self.again is None else checkpoint(self.middle, h, use_reentrant=self.again)
        return self.last(h)


class Words(nn.Module):
    """A language model that returns its own loss; head and embedding are one."""

    def __init__(self, sparse=False):
        super().__init__()
        self.tokens = nn.Embedding(WORDS, WIDTH, sparse=sparse)
        self.mix, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WORDS, bias=False)
        if not sparse:
            self.head.weight = self.tokens.weight

    def forward(self, ids, labels=None, num_items_in_batch=None):
        h = self.tokens(ids)
        logits = self.head(torch.tanh(h + torch.cumsum(self.mix(h), dim=1)))
        if labels is None:
            return logits
        kind = "mean" if num_items_in_batch is None else "sum"
        flat = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
        loss = nn.functional.cross_entropy(*flat, reduction=kind)
        return {"loss": loss / (num_items_in_batch or 1), "logits": logits}


class Recurrent(nn.Module):
    """Sequences along the first axis, examples along the second."""

    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.GRU(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.cell(x)[0][-1])


def vectors(n):
    x = torch.randn(n, 6)
    return x, (x[:, 0] > 0).long()


def sequences(n):
    x = torch.randn(PLACES, n, 6)
    return x, (x[0, :, 0] > 0).long()


def words(n):
    ids = torch.randint(WORDS, (n, PLACES))
    return ids, ids


def of_outputs(model, x, y):
    output = model(x)
    return LOSS(output.flatten(0, -2), y.flatten())


def autocast(model, x, y):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return of_outputs(model, x, y)


def own_loss(model, x, y):
    return model(x, labels=y)["loss"]


def run(
    make, draw=vectors, loss=of_outputs, *, sizes=(6,), optimizer=torch.optim.SGD, watches=1, steps=6,
    scaler=None, wrap=None, set_to_none=True, between=None,
):  # fmt: skip
    """The weights at the end, the random state, the steps that were read, and the monitors."""
    torch.manual_seed(4)
    model = make()
    used = model if wrap is None else wrap(model)
    steps_of = optimizer(model.parameters(), lr=0.05)
    monitors, reads = [watch(used, steps_of, budget=None) for _ in range(watches)], []
    for monitor in monitors:
        add = monitor._readings.add
        monitor._readings.add = lambda made, after, add=add: (reads.append(made.read), add(made, after))[1]
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12, enabled=scaler is not None)
    for _ in range(steps):
        steps_of.zero_grad(set_to_none=set_to_none)
        for size in sizes:
            scaler.scale(loss(used, *draw(size)) * size / sum(sizes)).backward()
        scaler.step(steps_of)
        scaler.update()
        if between is not None:
            between(used)
    weights = [p.detach().clone() for p in model.parameters()]
    return weights, torch.get_rng_state(), reads, monitors


CASES = {
    "checkpointed": (functools.partial(Vectors, again=False), {}, "examples"),
    "checkpointed, reentrant": (functools.partial(Vectors, again=True), {}, "examples"),
    "compiled": (Vectors, {"wrap": functools.partial(torch.compile, backend="eager")}, "halves"),
    "autocast and scaler": (Vectors, {"loss": autocast, "scaler": True}, "examples"),
    "autocast of unknown layers": (
        functools.partial(Vectors, known=False), {"loss": autocast, "scaler": True}, "halves"
    ),
    "fused and scaled": (
        Vectors, {"scaler": True, "optimizer": functools.partial(torch.optim.Adam, fused=True)}, "examples"
    ),
    "sequences first": (Recurrent, {"draw": sequences}, "halves"),
    "tied": (Words, {"draw": words}, "examples"),
    "its own loss": (Words, {"draw": words, "loss": own_loss}, "examples"),
    "gradients set to 0": (Vectors, {"set_to_none": False}, "examples"),
    "set to 0 and accumulated": (Vectors, {"set_to_none": False, "sizes": (2, 5)}, "micro-batches"),
    "sparse": (
        functools.partial(Words, sparse=True), {"draw": words, "sizes": (2, 3)}, "micro-batches"
    ),
    "two monitors": (functools.partial(Vectors, known=False), {"watches": 2}, "halves"),
    "copied meanwhile": (Vectors, {"between": copy.deepcopy}, "examples"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:.*lr_scheduler", "ignore:.*Sparse")
def test_the_training_is_as_it_was_and_its_steps_are_read(case):
    make, options, source = CASES[case]
    weights, state, reads, monitors = run(make, **options)
    alone, as_it_was, _, _ = run(make, **(options | {"watches": 0}))

    assert all(torch.equal(p, q) for p, q in zip(weights, alone, strict=True))
    assert torch.equal(state, as_it_was)
    assert {read.source for read in reads} == {source}
    assert len(reads) >= 4 * len(monitors)
    for monitor in monitors:
        assert monitor.step == 6
        assert not monitor.reasons
        assert monitor.history[-1].batch_size == sum(options.get("sizes", (6,)))
    sizes = [np.array(list(read.groups.values())).sum(axis=0) for read in reads]
    for read, whole in zip(reads, sizes, strict=True):
        assert whole == pytest.approx([read.whole, read.squares], rel=1e-5)
        assert read.squares > 0
        assert math.isfinite(read.whole)


def test_halves_and_examples_of_one_step_agree_on_the_whole():
    # One weight, one batch: |g|² is the same however the parts were told.
    by_formula = run(Vectors, steps=3)[2]
    compiled = run(Vectors, steps=3, wrap=functools.partial(torch.compile, backend="eager"))[2]

    for one, other in zip(by_formula, compiled, strict=True):
        assert one.whole == pytest.approx(other.whole, rel=1e-6)
        assert (one.overlap, other.overlap) == (pytest.approx(1 / 6), pytest.approx(1 / 2))


def test_hooks_that_come_and_go_do_not_compile_a_model_again():
    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    run(Vectors, wrap=functools.partial(torch.compile, backend=backend))
    assert len(seen) == 1


@pytest.mark.parametrize(("divided", "expected"), [(True, (3, 12, 5)), (False, (1, 1, 1))])
def test_micro_batches_of_a_model_s_own_loss_weigh_by_what_arrives_at_it(divided, expected):
    torch.manual_seed(0)
    model = Words()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    monitor, reads = watch(model, optimizer, budget=None), []
    add = monitor._readings.add
    monitor._readings.add = lambda made, after: (reads.append(made.read), add(made, after))[1]
    ids = [torch.randint(WORDS, (3, PLACES)) for _ in expected]
    labels = [x.clone() for x in ids]
    for x, kept in zip(labels, (3, 12, 5), strict=True):
        x[:, 0] = 1
        x[:, 1:].flatten()
        counted = torch.zeros(12, dtype=torch.bool)
        counted[:kept] = True
        x[:, 1:][~counted.reshape(3, 4)] = -100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(4):
            optimizer.zero_grad()
            for x, y in zip(ids, labels, strict=True):
                given = {"num_items_in_batch": torch.tensor(20)} if divided else {}
                loss = model(x, labels=y, **given)["loss"]
                (loss if divided else loss / 3).backward()
            optimizer.step()

    weights = np.array(expected) / sum(expected)
    assert reads[-1].overlap == pytest.approx(float(weights @ weights))
    assert reads[-1].flags == (() if divided else ("mean_of_means",))
