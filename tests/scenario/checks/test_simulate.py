"""Surface, noise and scheme of a simulated arm must fit one another."""

from __future__ import annotations

import re

import pytest

from sdesim.scenario import (
    parse_scenario,
)
from tests.scenario.files import DATA, changed, refused


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("eulr", ": found 'eulr', allowed: auto, baoab, euler-maruyama, "),
        ("{kind: baoab, friction: 0}", ".friction: found 0, allowed: a number above 0"),
        ("{kind: sra2}", ".kind: found 'sra2', allowed: auto, baoab, euler-maruyama, "),
        ("sra1", ": scheme 'sra1' takes Gaussian noise; it can't take additive noise"),
    ],
)
def test_a_scheme_that_is_unknown_or_cannot_take_the_noise_is_refused_at_its_line(written, message):
    text = changed("      dt: 1e-3\n", f"      dt: 1e-3\n      scheme: {written}\n")

    (line,) = refused(text)

    assert line.startswith(f"file.yaml:11: arms.sde.simulate.scheme{message}")


def test_labels_of_random_features_become_signs_and_minibatch_noise_fits_surfaces_with_examples():
    noise = changed(
        "{kind: gaussian, diffusion: 0.1}", "{kind: minibatch, batch_size: 4, learning_rate: 0.1}"
    )
    surface = f"{{kind: random-features, features: 7, {DATA}}}"

    scenario = parse_scenario(changed("{kind: double-well, barrier: 0.25}", surface, noise))

    built = scenario.arms["sde"].simulate.surface
    assert set(built.b) == {-1.0, 1.0}
    assert refused(noise)[0].endswith(
        "minibatch noise needs a surface that is a mean over examples: kind mlp, or twin_of"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: masked, surface: {kind: flat, dim: 2}", "give exactly one of keep and coordinates"),
        (
            "kind: masked, surface: {kind: flat, dim: 2}, coordinates: [2]",
            r"coordinates\[0\]: found 2, allowed: 0 to 1",
        ),
        ("kind: masked, surface: {kind: flat, dim: 2}, coordinates: []", "at least one coordinate"),
        (
            "kind: masked, surface: {kind: flat, dim: 2}, keep: 1, values: [1]",
            "values: found 1 num",
        ),
        ("kind: rough, dim: 1, hurst: 1.5", "hurst"),
        ("kind: least-squares, A: [[1, 2]], b: [1, 2]", r"b: found shape \(2,\), allowed: \(1,\)"),
        (
            "kind: random-features, features: 3, data: {kind: digits, classes: [1, 1]}",
            "different digits from 0 to 9",
        ),
    ],
)
def test_surfaces_that_can_not_be_built_are_refused_where_they_stand(text, words):
    lines = refused(changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}"))

    assert re.search(words, lines[0])
    assert "file.yaml:6" in lines[0] or "surface" in lines[0]


TWIN = """\
name: twin
arms:
  twin:
    simulate: {{twin_of: real, noise: [{{kind: minibatch}}]{more}}}
  real:
    train:
      data: {{kind: digits, train: 40, test: 20}}
      network: {{kind: mlp, widths: [64, 3, 10]}}
      optimizer: {{kind: {optimizer}, lr: 0.1, batch_size: 8}}
      schedule: {schedule}
      steps: 20
"""


def twin(more="", optimizer="adam", schedule="cosine"):
    return TWIN.format(more=more and f", {more}", optimizer=optimizer, schedule=schedule)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (twin("events: [{kind: exit, upper: 1}]"), "events: found some, allowed: none with steps of adam"),
        (twin("learning_rate: 0.2"), "learning_rate: found 0.2, allowed: 0.1 with steps of"),
        (twin("save_at: [1]"), "save_at: found one, allowed: save_every with"),
        (twin("form: overdamped"), "twin_of: a twin needs an SDE of the optimizer's steps: form"),
        (twin(optimizer="adadelta"), "twin_of: a twin needs an SDE of the optimizer's steps: Ada"),
        (
            twin("dt: 0.05").replace("minibatch", "stable, alpha: 1.5, scale: 0.1"),
            "noise[0]: an optimizer that squares gradients or takes their signs",
        ),
        (twin("form: overdamped, scheme: sgd", "sgd, momentum: 0.5"), "form: found one beside scheme"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_the_steps_of_the_real_arms_own_optimizer_is_refused(text, said):
    (line,) = refused(text)

    assert f"arms.twin.simulate.{said}" in line


def test_steps_of_its_own_optimizer_are_as_many_as_the_real_arms_whatever_its_schedule():
    assert parse_scenario(twin("dt: 0.05")).steps("twin") == 40
    assert parse_scenario(twin("form: overdamped", "sgd, momentum: 0.5")).steps("twin") == 20
    # A compiled scheme has events, and so has one that is asked for.
    assert parse_scenario(twin("events: [{kind: exit, upper: 1}]", "sgd", "constant")).steps("twin") == 20
