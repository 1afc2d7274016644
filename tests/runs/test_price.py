"""What a budget pays for: counted work, alike on every machine, and a refusal where it pays for nothing."""

import pytest

from sdesim.errors import RunError
from sdesim.runs import Probes
from sdesim.runs.price import Price, paid_for, priced

DEAR = Price(gradients=2.0, products=10.0, exact_gradients=1.0, exact_products=9.0)
DRAWS = Price(gradients=2.0, products=10.0)


def test_nobody_s_readings_disappear_where_no_budget_is_given():
    probes = Probes(every=1)

    assert paid_for(probes, DEAR, 10) is probes


def test_readings_without_draws_are_dropped_before_readings_are():
    # Two readings at 22 steps each, or at 12.
    found = [paid_for(Probes(every=100, budget=b), DEAR, 100).exact for b in (0.5, 0.4, 0.25)]

    assert found == ["auto", False, False]


REFUSED = [
    Probes(every=10, budget=0.5),
    Probes(every=100, budget=0.4, exact=True),
    Probes(every=100, budget=0.4, precision=0.1),
]


@pytest.mark.parametrize("probes", REFUSED)
def test_a_budget_that_does_not_pay_for_what_is_asked_is_refused(probes):
    with pytest.raises(RunError, match=r"^probes: budget 0\.\d does not pay for \d+ readings, which cost"):
        paid_for(probes, DEAR, 100)


def test_a_budget_that_pays_for_no_reading_is_refused_and_the_default_is_not():
    with pytest.raises(
        RunError, match=r"^probes: budget 0\.05 pays for no reading, which costs as much as 12"
    ):
        paid_for(Probes(budget=0.05), DEAR, 100)

    assert paid_for(Probes(), DEAR, 100, share=0.05).every == 101


@pytest.mark.parametrize("price", [DEAR, DRAWS])
@pytest.mark.parametrize("budget", [0.02, 0.05, 0.5])
def test_an_interval_is_found_whose_readings_cost_no_more_than_the_budget(price, budget):
    steps = 5000

    found = paid_for(Probes(budget=budget), price, steps)

    count = len(found.probe_steps(steps))
    gradients, products = price.parts(found.exact is not False)
    total = count * gradients + sum(found.bends(k, count) for k in range(count)) * products
    assert total <= budget * steps
    assert total > 0.4 * budget * steps


def test_a_run_says_what_a_reading_costs():
    assert priced(Probes(budget=0.1), DEAR) == {
        "probe_price": 3.0, "probe_curvature_price": 19.0, "probe_budget": 0.1,
    }  # fmt: skip
    assert priced(Probes(exact=False), DEAR) == {"probe_price": 2.0, "probe_curvature_price": 10.0}
