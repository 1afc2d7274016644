"""The engine against exact values, small; `python -m analysis.ground_truth` runs the same cases large."""

from functools import cache

import pytest

from analysis.ground_truth import CASES, Row, table

# Values printed by an independent program, to seven digits; they check the exact side of each case. That
# program's stable density is about 1e-10 too high for |x| < 40, which shows in exits that need jumps of many
# scales: there, three digits.
PRINTED = {
    "GT01": {"variance of the chain": 0.2777778, "variance as h → 0, D/λ": 0.25},
    "GT02": {
        "mean after k": 0.98304, "variance after k": 0.4959032, "autocorrelation at lag k": 0.32768,
        "autocorrelation as h → 0": 0.3678794,
    },
    "GT03": {
        "scale as h → 0": 0.5342000, "scale of the chain": 0.543454, "E cos(x/scale)": 0.3678794,
        "E cos(2x/scale)": 0.05910575, "90% quantile": 1.12031,
    },
    "GT04": {"E cos(0.5x)": 0.9375534, "E cos(1.0x)": 0.8337365, "E cos(3.0x)": 0.3505661},
    "GT05": {
        "φ(1.0) as h → 0": 0.8720161, "φ(1.0) of the chain": 0.8666105, "φ(2.5) as h → 0": 0.4663272,
        "φ(2.5) of the chain": 0.4500842,
    },
    "GT06": {"mean of the chain": 66.29051, "mean as h → 0": 66.26863, "Kramers' asymptote": 54.12539},
    "GT07": {"mean of the chain": 0.7460321, "mean as h → 0": 0.7008819},
    "GT08": {
        "limit of ε^α E τ": 2.506628, "ε^α E τ of the chain, ε = 0.3": 1.891433,
        "ε^α E τ of the chain, ε = 0.1": 2.387251,
    },
    "GT09": {
        "quadratic: 75% quantile of the chain": 0.25, "quartic: 75% quantile as h → 0": 0.6897441,
        "quartic: 95% quantile as h → 0": 1.384578,
    },
    "GT10": {
        "E x² of the chain": 0.8239912, "E x⁴ of the chain": 1.084193, "E x² of the Gibbs law": 0.8327455,
        "E x⁴ of the Gibbs law": 1.082745,
    },
    "GT11": {
        "Euler–Maruyama: mean squared error, 16 steps": 0.06994356,
        "Milstein: mean squared error, 16 steps": 0.007135241,
        "Euler–Maruyama: mean squared error, 64 steps": 0.01679235,
        "Milstein: mean squared error, 64 steps": 0.0004895662,
        "Euler–Maruyama: slope over 16 to 256 steps": 0.5094602,
        "Milstein: slope over 16 to 256 steps": 0.9796215,
    },
    "GT12": {
        "mean squared error, 8 steps": 0.00152827, "strong slope over 8 to 64 steps": 1.01712,
        "weak slope over 8 to 64 steps": 1.022514,
    },
    "GT13": {
        "a = 0.5: exponent of the chain": -1.390114, "a = 0.5: exponent as h → 0": -1.22,
        "a = 0.5: mean-square rate as h → 0": 0.44,
    },
    "GT14": {
        "α = 0.8, β = 0.0, S1, 25%": -1.045535, "α = 0.8, β = 0.0, S1, 90%": 4.343949,
        "α = 0.8, β = 0.5, S1, 25%": 0.9849881, "α = 0.8, β = 0.5, S1, 90%": 9.578089,
        "α = 0.8, β = 0.5, S0, 25%": -0.5538537, "α = 0.8, β = 0.5, S0, 90%": 8.039248,
        "α = 1.0, β = 0.0, S1, 25%": -1.0, "α = 1.0, β = 0.0, S1, 90%": 3.077684,
        "α = 1.0, β = 0.5, S1, 25%": -0.6286864, "α = 1.0, β = 0.5, S1, 90%": 5.006387,
        "α = 1.5, β = 0.0, S1, 25%": -0.9689332, "α = 1.5, β = 0.0, S1, 90%": 2.061463,
        "α = 1.5, β = 0.5, S1, 25%": -1.283314, "α = 1.5, β = 0.5, S1, 90%": 2.082318,
        "α = 1.5, β = 0.5, S0, 25%": -0.7833136, "α = 1.5, β = 0.5, S0, 90%": 2.582318,
        "α = 1.9, β = 0.0, S1, 25%": -0.9568031, "α = 1.9, β = 0.0, S1, 90%": 1.843045,
        "α = 1.9, β = 0.5, S1, 25%": -0.993563, "α = 1.9, β = 0.5, S1, 90%": 1.843258,
        "α = 1.9, β = 0.5, S0, 25%": -0.9143708, "α = 1.9, β = 0.5, S0, 90%": 1.92245,
        "α = 2.0, β = 0.0, S1, 25%": -0.9538726, "α = 2.0, β = 0.0, S1, 90%": 1.812388,
        "α = 2.0, β = 0.5, S1, 25%": -0.9538726, "α = 2.0, β = 0.5, S1, 90%": 1.812388,
    },
    "GT15": {
        "isotropic: E cos(x₁ + x₂)": 0.1860401, "independent: E cos(x₁ + x₂)": 0.1353353,
        "isotropic: E cos(x₁)": 0.3678794, "isotropic Cauchy: P(‖x‖ > 3)": 0.3162278,
    },
    "GT16": {
        "variance of a component of the chain": 0.6666667, "circulation of the chain": 4.0,
        "variance as h → 0, D/a": 0.5, "entropy production as h → 0": 18.0,
    },
    "GT21": {
        "gradient descent: largest exponent": 0.06765865, "logistic map: exponent": 0.6931472,
        "SGD on normal inputs: exponent": -0.4169916, "SGD on normal inputs: mean-square factor": 2.0,
    },
    "GT24": {
        "sharpness at (4, ¼)": 16.0625, "multiplier of the residual there": -2.2125, "orbit: amplitude": 1.0,
        "orbit: sharpness": 8.0, "orbit: multiplier": -0.6,
    },
    "GT26": {
        "additive noise: E‖θ‖²": 0.1059649, "least squares on normal inputs: E θ²": 0.01209677,
        "largest stable η, d = 1": 1.333333, "largest stable η, d = 10": 0.5333333,
    },
    "GT27": {
        "κ on normal inputs, B = 1, η = 0.4": 3.805616, "κ on normal inputs, B = 1, η = 0.6667": 2.0,
        "κ on normal inputs, B = 1, η = 1": 1.090826, "κ on normal inputs, B = 1, η = 1.5": 0.4774348,
        "κ on normal inputs, B = 2, η = 0.4": 7.102418, "κ on normal inputs, B = 2, η = 0.6667": 3.674247,
        "κ on normal inputs, B = 2, η = 1": 2.0, "κ on normal inputs, B = 2, η = 1.5": 0.9152425,
    },
    "GT28": {
        "tempered: E x² per time": 1.16423, "tempered: E x⁴ after time 1": 5.742783,
        "tempered, quadratic: variance as h → 0": 0.5821149, "cut jumps: variance per time": 2.176376,
    },
    "GT37": {
        "anisotropic: C": 0.2641433, "isotropic, ηλ = 0.1: C": 0.05263158, "isotropic, ηλ = 0.1: p": 0.05,
    },
    "GT38": {
        "relaxation time in steps": 9.491222, "E θ₁/θ₀ at C = 100": 0.9, "E θ₁/θ₀ at C = 1": 0.9,
        "E θ₁/θ₀ at C = 0.01": 0.9,
    },
}  # fmt: skip
LOOSE = {("GT07", "mean of the chain"): 1e-6, ("GT08", "ε^α E τ of the chain, ε = 0.3"): 1e-5,
         ("GT08", "ε^α E τ of the chain, ε = 0.1"): 1e-4}  # fmt: skip


@cache
def rows(number: str) -> list[Row]:
    return CASES[number].run(CASES[number].small)


@pytest.mark.parametrize("number", [number for number, case in CASES.items() if case.small])
def test_the_engine_agrees_with_the_exact_values(number):
    # Five standard errors: one of 100 sampled rows would miss by chance in 6e-5 of all seeds.
    missed = [row for row in rows(number) if not row.holds(5.0)]

    assert not missed, table([(CASES[number], missed)])


@pytest.mark.parametrize("number", PRINTED)
def test_the_exact_values_are_those_of_an_independent_program(number):
    exact = {row.quantity: row.exact for row in rows(number)}

    for quantity, printed in PRINTED[number].items():
        # Half a unit in the seventh digit.
        assert exact[quantity] == pytest.approx(printed, rel=LOOSE.get((number, quantity), 5.1e-7)), quantity


@pytest.mark.parametrize(
    ("row", "held"),
    [
        (Row("off by 6 standard errors", 0.0, 6.0, 1.0), False),
        (Row("off by 4 standard errors", 0.0, -4.0, 1.0), True),
        (Row("not a number", 0.0, float("nan"), 1.0), False),
        (Row("outside its tolerance", 1.0, 1.1, None, 0.01), False),
        (Row("within its tolerance", 1.0, 1.001, None, 0.01), True),
    ],
)
def test_a_row_holds_when_its_estimate_is_close_enough(row, held):
    assert row.holds(5.0) is held
