"""What survives: the statements of the ledger that a practitioner can use, with numbers from its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdesim.report.words import interval

Record = Mapping[str, Any]
# A number of a record: words, claim, name of the statistic.
Seen = tuple[str, str, str]


@dataclass(frozen=True)
class Survivor:
    """A statement that the ledger supports.

    Attributes:
        says: the statement.
        seen: numbers that show it.
        valid: where it was seen to hold.
        command: what shows it.
        against: counter-evidence; "" where there is none.
    """

    says: str
    seen: tuple[Seen, ...]
    valid: str
    command: str
    against: str = ""


SURVIVORS: tuple[Survivor, ...] = (
    Survivor(
        "Report C₁, of one example, not C at a batch size: C = B·C₁.",
        (("slope of log C over log B", "C5", "slope of log C over log B, with replacement"),),
        "independent examples; distinct ones of N give B·C₁(N − 1)/(N − B), more.",
        "sdesim claims C5",
    ),
    Survivor(
        "A step lowers the expected loss where C > C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ, on an isotropic quadratic"
        " ηλ/(2 − ηλ). 1 is no threshold.",
        (
            (
                "C where half of the steps lower the loss, ηλ = 0.1, where C* = 0.0526",
                "C10",
                "C where P(loss falls) is ½",
            ),
            ("C/C* there, a network", "C10", "network: C/C* where P(loss falls) is ½"),
        ),
        "steps short enough for the quadratic model.",
        "sdesim claims C10 C18",
    ),
    Survivor(
        "A minibatch gradient points along the mean one with probability Φ(√(dC)) where the noise is Gaussian"
        " and white: far above ½ at small C. Whatever the noise, never with less than p = C/(1 + C).",
        (("C = 0.04, d = 100, where the formula says 0.9772", "C8", "white, C = 0.04, d = 100"),),
        "symmetric noise, for which it is ½ or above at every C; the bound for any noise of finite variance.",
        "sdesim claims C8 C10",
        "skewed noise brings it below ½: {exponential noise at C = 0.04|C8|exponential noise, c = 0.04}.",
    ),
    Survivor(
        "Watch cos(∇ train, ∇ held-out): it tells when a training set is learnt by heart. C, which holds a"
        " gradient against the noise of its own batches, does not.",
        (
            ("at the start", "C70", "cosine with the gradient of the held-out images, step 0"),
            ("late", "C70", "cosine with the gradient of the held-out images, step 3000"),
            (
                "population gradient, every example used once, at the end",
                "C70",
                "one pass: cosine at the end",
            ),
        ),
        "examples that come again and again; monitors call it `gradient_agreement`.",
        "sdesim claims C70 C71",
    ),
    Survivor(
        "The fastest constant rate of an ill-conditioned loss brings λ_max to the edge 2/η.",
        (
            (
                "best rate over 2/λ_max, quadratic of condition 10⁴, white noise",
                "C29",
                "best rate over 2/λ_max, condition 10000, noise isotropic",
            ),
            (
                "λ_max over 2/η at the best rate, networks, full batch",
                "C29",
                "network, full batch: λ_max over 2/η at the best rate",
            ),
        ),
        "little noise along the sharpest directions.",
        "sdesim claims C29 C63",
        "small batches stop short of it: {at B = 10|C29|network, B = 10: λ_max over 2/η at the best rate}; on"
        " an isotropic quadratic the best is p/2 of it.",
    ),
    Survivor(
        "Training goes on at the edge of stability without any noise: the loss is no fixed quadratic.",
        (
            ("λ_max·η/2", "C45", "λ_max·η/2, no noise"),
            ("share of networks that go on", "C45", "share of networks whose training goes on, no noise"),
        ),
        "full-batch descent of small networks.",
        "sdesim claims C45",
    ),
    Survivor(
        "SGD's minima are much flatter than those of full-batch descent at the same loss, and hardly better.",
        (
            ("λ_max over that of descent", "C61", "λ_max, SGD over descent"),
            ("test error less that of descent", "C61", "test error, SGD less descent"),
        ),
        "digits, small networks, one parametrisation; Gaussian noise of the same covariance does the same.",
        "sdesim claims C61 C47",
        "with a tenth of the labels wrong they may read better: {test error at B = 8 less full batch, ReLU|"
        "C47|test error at B = 8 less full batch, relu, 10% wrong};"
        " with clean labels worse: {the same|C47|test error at B = 8 less full batch, relu, 0% wrong}.",
    ),
    Survivor(
        "C does not set how sensitive training is to a perturbation: that has no peak at C = 1.",
        (
            ("log growth at C near 1 less that below", "C59", "C = 1 less below"),
            ("less that above", "C59", "C = 1 less above"),
        ),
        "digits at three batch sizes: sensitivity goes with the stage of training.",
        "sdesim claims C59",
    ),
    Survivor(
        "Exit times of α-stable noise grow as (width/ε)^α, whatever the height; of Gaussian noise as"
        " exp(height/D).",
        (
            ("exponent over 1/ε, α = 1.5, small ε", "C32", "local exponent over 1/ε, ε = 0.05 to 0.025"),
            ("over the width", "C32", "exponent over the width at one depth"),
            ("over the depth", "C32", "exponent over the depth"),
        ),
        "small noise: at larger ε the local exponent is larger.",
        "sdesim run levy-exit-width",
        "explicit Euler throws points across a quartic wall and moves these laws by a tenth"
        " ([schemes](../guides/simulating.md)).",
    ),
    Survivor(
        "Grokking, the interpolation peak, tickets, the edge and flat minima have no common value of C.",
        (("largest C₁ over smallest", "C69", "largest over smallest"),),
        "the networks of the ledger.",
        "sdesim claims C69",
    ),
)


def survivors_page(ledger: Mapping[str, Any]) -> str:
    """The text of docs/theory/what-survives.md.

    Raises:
        KeyError: a statement quotes a number that no record has.
    """
    records = {r["id"]: r for r in ledger["claims"]}
    return "\n".join(
        [
            "# What survives",
            "",
            "What the [ledger of claims](claims.md) supports and a practitioner can use. Numbers have 99%",
            "intervals and come from its records; the command after each shows them anew.",
            "",
            *(line for k, s in enumerate(SURVIVORS, 1) for line in _item(k, s, records)),
        ]
    )


def _item(k: int, s: Survivor, records: Mapping[str, Record]) -> list[str]:
    lines = [f"{k}. **{s.says}**"]
    told = "; ".join(f"{words}: {number(records, name, statistic)}" for words, name, statistic in s.seen)
    lines += [f"   Seen: {told}."] if told else []
    lines += [f"   Holds for {s.valid}"] if s.valid else []
    lines += [f"   But {_filled(s.against, records)}"] if s.against else []
    return [*lines, f"   `{s.command}`", ""]


def _filled(text: str, records: Mapping[str, Record]) -> str:
    """A text with its numbers: "{words|claim|statistic}" becomes the words and the number."""
    before, brace, rest = text.partition("{")
    if not brace:
        return text
    quoted, _, after = rest.partition("}")
    words, name, statistic = quoted.split("|")
    return f"{before}{words}: {number(records, name, statistic)}{_filled(after, records)}"


def number(records: Mapping[str, Record], name: str, statistic: str) -> str:
    """A number of a record with its interval, as in "0.62 [0.60, 0.64]"."""
    return interval(records[name]["statistics"][statistic], 3)
