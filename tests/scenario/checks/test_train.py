"""Data, network, optimizer and twin of a real arm must fit one another."""

from __future__ import annotations

import pytest

from sdesim.scenario import (
    parse_scenario,
)
from tests.scenario.files import REAL, changed, refused, spelt_out

WRONG_REAL = [
    ("[64, 8, 10]", "[63, 8, 10]", 6, "TRAIN.network.widths[0]: found 63, allowed: 64, the features"),
    ("[64, 8, 10]", "[64, 8, 9]", 6, "TRAIN.network.widths[2]: found 9, allowed: 10, the classes"),
    ("batch_size: 10", "batch_size: 101", 7, "TRAIN.optimizer.batch_size: found 101, allowed: 1 to"),
    ("batch_size: 10", "nesterov: true", 7, "TRAIN.optimizer.nesterov: nesterov needs a momentum"),
    ("kind: sgd", "kind: sgdm", 7, "TRAIN.optimizer.kind: found 'sgdm', allowed: adadelta, ada"),
    ("lr: 0.1", "lr: 0.1, maximize: true", 11, "TWIN.twin_of: a twin descends the loss, this run's op"),
    ("lr: 0.1", "lr: 0.1, fused: true", 7, "TRAIN.optimizer.fused: found True, refused: it says how torch"),
    ("kind: sgd", "kind: LBFGS", 7, "TRAIN.optimizer.kind: found 'LBFGS', refused: a step of it calls"),
    (
        "lr: 0.1",
        'lr: 0.1, groups: [{match: "*.gain", lr: 1}]',
        7,
        "TRAIN.optimizer.groups[0].match: found '*.gain', which matches no parameter, allowed: a pattern of "
        "0.weight, 0.bias, ",
    ),
    ("lr: 0.1", "lr: 0.1, groups: [{match: a, rho: 1}]", 7, "TRAIN.optimizer.groups[0].rho: unknown field"),
    (
        "kind: sgd, lr: 0.1, batch_size: 10}",
        "kind: rprop, lr: 0.1, batch_size: 10}\n      schedule: cosine",
        8,
        "TRAIN.schedule: rprop takes its learning rate at the first step alone",
    ),
    ("test: 50", "test: 1700", 5, "TRAIN.data.train: found 1800 with test, allowed: at most 1797"),
    ("test: 50", "test: 50, classes: [1, 1]", 5, "TRAIN.data.classes: found [1, 1], allowed: diff"),
    (
        "lr: 0.1, batch_size: 10}",
        "lr: 0.1, momentum: 0.9, batch_size: 10}\n      amplify: 2\n      sampling: with-replacement",
        8,
        "TRAIN.amplify: amplify goes with probes for SGD without momentum and weight decay alone",
    ),
    ("steps: 20", "steps: 20\n      schedule: cosin", 9, "TRAIN.schedule: found 'cosin', allowed: "),
    ("steps: 20", "steps: 20\n      schedule: {kind: step}", 9, "TRAIN.schedule.every: missing"),
    (
        "steps: 20",
        "steps: 20\n      schedule: {kind: cosine, warmup: 20}",
        9,
        "TRAIN.schedule.warmup: found 20, allowed: 0 to 19, fewer than the steps",
    ),
    ("widths: [64, 8, 10]", "widths: [64, 8, 10], init: he", 6, "TRAIN.network.init: found 'he'"),
    ("kind: sgd, lr: 0.1", "kind: sgd, lr: 0.1, dampening: 1", 7, "TRAIN.optimizer.dampening: found 1, allo"),
    (
        "steps: 20",
        "steps: 20\n      schedule: one-cycle-lr",
        9,
        "TRAIN.schedule.cycle_momentum: found true, allowed: false beside sgd without momentum",
    ),
    (
        "steps: 20",
        "steps: 20\n      schedule: {kind: chained-scheduler, schedulers: [cosine, one-cycle-lr]}",
        9,
        "TRAIN.schedule.schedulers[1]: found one-cycle-lr, which has a course of its own",
    ),
    (
        "steps: 20",
        "steps: 20\n      schedule: reduce-lr-on-plateau",
        12,
        "TWIN.twin_of: a twin needs learning rates that all seeds share",
    ),
    ("steps: 20", "steps: 20\n      clip: {}", 9, "TRAIN.clip: found neither of norm and value"),
    ("steps: 20", "steps: 20\n      clip: {norm: 0}", 9, "TRAIN.clip.norm: found 0, allowed: a number"),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: magnitude, sparsity: 1, steps: 5}",
        9,
        "TRAIN.prune.sparsity: found 1, allowed: a number below 1",
    ),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: magnitude, sparsity: 0.5}",
        9,
        "TRAIN.prune: magnitude pruning needs steps",
    ),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: one-shot, sparsity: 0.5, steps: 5, rounds: 2}",
        9,
        "TRAIN.prune: one-shot pruning takes rounds: 1, found 2",
    ),
    ("steps: 20", "steps: 20\n      loss: bce_with_logits", 9, "TRAIN.loss: bce_with_logits is of 2 classes"),
    (
        "steps: 20",
        "steps: 20\n      loss: {kind: cross_entropy, class_weights: [1, 2]}",
        9,
        "TRAIN.loss: class_weights: found 2, allowed: 10, one for each class",
    ),
    (
        "steps: 20",
        "steps: 20\n      penalty: {kind: l2, factor: -1}",
        9,
        "TRAIN.penalty[0].factor: found -1, allowed: a number of at least 0",
    ),
    (
        "steps: 20",
        "steps: 20\n      penalty: [{kind: l1, factor: 1, match: head*}]",
        9,
        "TRAIN.penalty[0].match: found 'head*', which fits none of the network's parameters: 0.weight, 0.bi",
    ),
    (
        "kind: mlp, widths: [64, 8, 10]",
        "kind: conv, shape: [1, 4, 16], outputs: 10, channels: [2]",
        6,
        "TRAIN.network.shape: found [1, 4, 16], allowed: [1, 8, 8], the shape of the data",
    ),
    ("steps: 20", "steps: 20\n      augment: [{kind: crop, padding: 8}]", 9, "TRAIN.augment[0]: found padd"),
    ("steps: 20", "steps: 20\n      augment: [{kind: turn}]", 9, "TRAIN.augment[0].kind: found 'turn'"),
    ("steps: 20", "steps: 20\n      weights: {kind: classes, weights: [1]}", 9, "TRAIN.weights: found 1 w"),
    ("steps: 20", "steps: 20\n      sampling: in-turn", 9, "TRAIN.sampling: found 'in-turn', allowed: "),
    ("twin_of: real", "twin_of: reel", 11, "TWIN.twin_of: found 'reel', not a real arm, did"),
    ("twin_of: real", "twin_of: real\n      theta0: [1]", 12, "TWIN.theta0: found 1 numbers, allowed: 610"),
    ("twin_of: real", "twin_of: real\n      events: [{kind: occupancy}]", 12, "TWIN.events[0]: occupancy"),
    ("kind: sgd, lr: 0.1", "kind: muon, lr: 0.1", 11, "TWIN.twin_of: a twin needs an SDE of the optimizer's"),
    (
        "kind: sgd, lr: 0.1",
        "kind: adam, lr: 0.1, groups: [{match: '*.bias', amsgrad: true}]",
        11,
        "TWIN.twin_of: a twin needs an SDE of the optimizer's steps: amsgrad has no SDE",
    ),
    ("twin_of: real", "twin_of: real\n      form: overdamped", 11, "TWIN.twin_of: a twin needs an SDE of t"),
    ("probes: {every: 10}", "", 12, "TWIN.noise[0].match: match needs probes of the gradients of real"),
    ("every: 10", "every: 10, estimators: [curvature]", 12, "TWIN.noise[0].match: match needs"),
    ("match: trace", "factor: [[1], [2]]", 12, "TWIN.noise[0]: factor is for 2 coordinates"),
    ("probes:", "compare: {reference: twin}\nprobes:", 13, "compare.reference: found 'twin', not a real arm"),
    ("probes:", "compare: {quantities: [los]}\nprobes:", 13, "compare.quantities[0]: found 'los'"),
    (
        "probes: {every: 10}",
        "    probes: {every: 9, estimators: [curvature]}\ncompare: {quantities: [S, p]}\nprobes: {every: 9}",
        14,
        "compare.quantities[1]: p needs probes of twin with estimators: [gradient]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_REAL)
def test_fields_of_a_real_arm_and_its_twin_must_fit_one_another(old, new, line, message):
    parse_scenario(REAL)

    assert refused(changed(old, new, REAL))[0].startswith(spelt_out(line, message))


def test_a_twin_of_any_optimizer_may_be_that_of_sgd_where_its_scheme_says_so():
    muon = changed("kind: sgd, lr: 0.1", "kind: muon, lr: 0.1", REAL)

    assert parse_scenario(muon.replace("twin_of: real", "twin_of: real\n      scheme: euler-maruyama"))


@pytest.mark.parametrize(
    ("train", "twin"),
    [
        ("kind: adam, lr: 0.1", "{}"),
        ("kind: sgd, lr: 0.1, momentum: 0.9", "{form: overdamped}"),
        ("kind: sgd, lr: 0.1", "{chunk: 2}"),
    ],
)
def test_what_watches_every_step_does_not_go_with_steps_that_no_kernel_makes(train, twin):
    fields = "".join(f"\n      {field}" for field in twin.strip("{}").split(", ") if field)
    watched = "\n      boundary: [{kind: absorbing, lower: -100}]"
    text = changed("twin_of: real", f"twin_of: real{fields}{watched}", REAL)

    (line,) = refused(text.replace("kind: sgd, lr: 0.1", train))

    assert "arms.twin.simulate.boundary: found some, allowed: none with steps of" in line
    assert parse_scenario(changed("twin_of: real", f"twin_of: real{watched}", REAL))


ADAM = changed("kind: sgd, lr", "kind: adam, lr", REAL)
DROPOUT = changed("[64, 8, 10]", "[64, 8, 10], dropout: 0.1", ADAM)


@pytest.mark.parametrize(
    ("base", "noise", "said"),
    [
        (ADAM, "{kind: multiplicative, scale: 1}", "noise[0]: found multiplicative, allowed: noise of the"),
        (DROPOUT, "{kind: minibatch, batch_size: 5}", "noise[0].batch_size: found 5, allowed: 10, in real"),
        (
            DROPOUT,
            "{kind: minibatch}, {kind: minibatch}",
            "noise[1]: found a second minibatch noise, allowed",
        ),
    ],
)
def test_noise_that_no_step_of_the_optimizer_takes_is_told_before_it_trains(base, noise, said):
    (line,) = refused(changed("{kind: gaussian, match: trace}", noise, base))

    assert f"arms.twin.simulate.{said}" in line


def test_a_run_probed_in_evaluation_mode_is_not_the_loss_that_its_twin_descends():
    (line,) = refused(changed("every: 10", "every: 10, mode: eval", DROPOUT))

    assert "arms.twin.simulate.twin_of: a twin needs losses and probes of the network as it trains" in line


WRONG_DATA = [
    ("kind: mnist1d", "TRAIN.data.kind: found 'mnist1d', allowed: arrays, "),
    ("kind: mnist-1d", "TRAIN.network.widths[0]: found 64, allowed: 40, the features of the data"),
    ("kind: permutations, n: 6", "TRAIN.data.n: found 6, allowed: a number of at most 5"),
    ("kind: permutations, fraction: 1e-5", "TRAIN.data.fraction: found 1e-05 of 14400 pairs, allowed: a"),
    (
        "kind: teacher-student, label_noise: 0.1",
        "TRAIN.data.label_noise: found 0.1, allowed: 0 for t",
    ),
    ("kind: teacher-student, features: 64, outputs: 10", "TRAIN.loss: found 'cross_entropy', allowed: bce_w"),
    ("kind: teacher-student, features: 64", "TRAIN.network.widths[2]: found 10, allowed: 1, the targets"),
]


@pytest.mark.parametrize(("kind", "message"), WRONG_DATA)
def test_data_must_fit_the_network_and_the_loss(kind, message):
    lines = refused(changed("kind: digits, train: 100, test: 50", kind, REAL))

    wanted = spelt_out(5, message).partition(": ")[2]
    assert any(line.partition(": ")[2].startswith(wanted) for line in lines)
