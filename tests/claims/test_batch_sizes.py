"""What the ledger says of batch sizes in place of C5 and C7, derived again and checked symbolically."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module
from itertools import combinations, product

import sympy as sp

from sdesim.shipped import study

study("claims")
batch_sizes = import_module("sdesim_claims.batch_sizes")

x, y, z = sp.symbols("x y z", real=True)


def c_of_batches(batches):
    """C of the means of batches of numbers, each as likely."""
    means = [sum(b) / len(b) for b in batches]
    mu = sum(means) / len(means)
    return mu**2 / (sum(m**2 for m in means) / len(means) - mu**2)


def test_c_of_independent_examples_is_proportional_to_the_batch():
    one = c_of_batches([(v,) for v in (x, y, z)])

    two = c_of_batches(list(product((x, y, z), repeat=2)))

    assert sp.cancel(two - 2 * one) == 0


def test_c_of_distinct_examples_grows_faster():
    one = c_of_batches([(v,) for v in (x, y, z)])

    two = c_of_batches(list(combinations((x, y, z), 2)))

    # (N − 1)/(N − B) = 2 at N = 3, B = 2.
    assert sp.cancel(two - 2 * 2 * one) == 0


def test_c_of_all_batches_counts_both_coordinates():
    examples = ((Fraction(3), Fraction(1)), (Fraction(-1), Fraction(2)))

    # μ = (1, 3/2), |μ|² = 13/4; mean square (10 + 5)/2.
    assert batch_sizes._c_of_all((e,) for e in examples) == Fraction(13, 4) / (
        Fraction(15, 2) - Fraction(13, 4)
    )


def test_progress_grows_by_less_than_the_batch():
    c, b = sp.symbols("C_1 B", positive=True)
    p = b * c / (1 + b * c)

    elasticity = sp.cancel(b * sp.diff(p, b) / p)

    assert sp.cancel(elasticity - 1 / (1 + b * c)) == 0
