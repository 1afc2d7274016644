"""Which surfaces, noises, schemes and data a scenario may name, and what is made of them."""

from __future__ import annotations

import pytest

from sdesim.noise import Multiplicative
from sdesim.scenario import (
    parse_scenario,
)
from sdesim.scenario.models import Expect
from tests.scenario.files import DATA, GOOD, changed

GAUSSIAN_ONLY = GOOD.replace("        - {kind: stable, alpha: 1.5, scale: 0.05}\n", "")


def test_multiplicative_noise_is_read_and_made():
    text = changed("{kind: gaussian, diffusion: 0.1}", "{kind: multiplicative, scale: [0.5]}")

    part = parse_scenario(text).arms["sde"].simulate.noise[0]

    assert part == Multiplicative([0.5])


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("heun", "Heun()"),
        ("baoab", "BAOAB(friction=1.0)"),
        ("{kind: baoab, friction: 2}", "BAOAB(friction=2.0)"),
        ("{kind: heavy-ball, momentum: 0.5, nesterov: true}", "HeavyBall(momentum=0.5, nesterov=True)"),
    ],
)
def test_a_scheme_is_a_name_or_a_kind_with_its_parameters(written, made):
    text = changed("      dt: 1e-3\n", f"      dt: 1e-3\n      scheme: {written}\n", base=GAUSSIAN_ONLY)

    assert repr(parse_scenario(text).arms["sde"].simulate.scheme) == made


def test_tempering_and_method_of_stable_noise_reach_the_noise():
    text = changed("alpha: 1.5, scale: 0.05", "alpha: 1.5, scale: 0.05, tempering: 2, sampler: inversion")

    noise = parse_scenario(text).arms["sde"].simulate.noise[1]

    assert (noise.tempering, noise.sampler) == (2.0, "inversion")


SURFACES = [
    ("kind: rough, dim: 3, hurst: 0.4, octaves: 6, amplitude: 0.2", "Rough", 3),
    ("kind: rosenbrock, dim: 5", "Rosenbrock", 5),
    ("kind: styblinski", "Styblinski", 2),
    ("kind: product, depth: 4", "Product", 4),
    ("kind: least-squares, A: [[1, 0], [0, 2], [1, 1]], b: [1, 2, 3], ridge: 0.1", "LeastSquares", 2),
    (f"kind: random-features, features: 7, {DATA}", "RandomFeatures", 7),
    ("kind: masked, surface: {kind: double-well, dim: 5}, keep: 0.4, seed: 1", "Masked", 2),
    ("kind: masked, surface: {kind: styblinski, dim: 3}, coordinates: [0, 2]", "Masked", 2),
    (
        f"kind: masked, keep: 0.5, values: 0, surface: {{kind: random-features, features: 8, {DATA}}}",
        "Masked",
        4,
    ),
]


@pytest.mark.parametrize(("text", "kind", "dim"), SURFACES)
def test_every_surface_of_the_library_can_be_named_in_a_scenario(text, kind, dim):
    # A wall beyond every surface's start.
    whole = changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}").replace("upper: 0}", "upper: 3}")

    surface = parse_scenario(whole).arms["sde"].simulate.surface

    assert type(surface).__name__ == kind
    assert surface.dim == dim


KINDS_OF_DATA = [
    ("{kind: digits, train: 50, test: 20, classes: [1, 7, 2]}", 50, 20),
    ("{kind: mnist-1d, train: 50, test: 20, label_noise: 0.1}", 50, 20),
    ("{kind: modular-addition, p: 5, fraction: 0.5}", 12, 13),
    ("{kind: permutations, n: 3, fraction: 0.5}", 18, 18),
    ("{kind: teacher-student, train: 30, test: 10, features: 4, outputs: 2, noise: 0.1}", 30, 10),
    ("{kind: teacher-student, task: classification, train: 30, test: 0, outputs: 3}", 30, 0),
    ("{kind: chebyshev, degree: 3, points: 7}", 7, 0),
]


@pytest.mark.parametrize(("text", "train", "test"), KINDS_OF_DATA)
def test_every_data_set_can_be_named_and_is_as_large_as_its_model_says(text, train, test):
    text = f"kind: random-features, features: 3, data: {text}".replace("outputs: 2", "outputs: 1")
    whole = changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}")
    model = parse_scenario(whole).arms["sde"].simulate.surface.data

    data = model.load()

    assert (len(data.x_train), len(data.x_test)) == (train, test)
    assert (model.features, model.outputs, model.examples) == (data.features, data.outputs, train)
    assert model.labelled == data.labelled


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"quantity": "C_alpha", "over": "C_star"}, ("C_alpha", "C_star")),
        ({"quantity": "step_when.loss<0.1", "since": "C_alpha_smooth>1"}, ("loss", "C_alpha_smooth")),
        ({"quantity": "gain_rank.C_1"}, ("C_1",)),
        ({"quantity": "phase_smooth_fraction.transition"}, ("phase_smooth_fraction.transition",)),
    ],
)
def test_an_expectation_knows_the_quantities_that_it_rests_on(asked, names):
    assert Expect(arm="sde", above=0, **asked).names == names
