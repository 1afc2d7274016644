"""What a budget pays for: counted work, alike on every machine, and a refusal where it pays for nothing."""

import pytest

from sdesim.errors import RunError
from sdesim.runs import Probes
from sdesim.runs.price import Price, Sizes, paid_for, priced, training_price

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


# A pass takes as long as 4·10⁶ operations, a product as five passes' worth of operations more.
PASS, SMALL = 4e6, {"operations": 6e3, "dense": True, "examples": 500, "dim": 1000, "batch_size": 10,
                    "probed_batch": 10, "preconditioned": False}  # fmt: skip


def priced_at(**changes):
    sizes = {**SMALL, **changes}
    step = PASS + sizes["batch_size"] * sizes["operations"]
    price = training_price(Probes(), Sizes(**sizes, exact=True), 1e12)
    product = PASS + 5 * sizes["examples"] * sizes["operations"]
    return price, step / product, step


def test_small_plain_networks_take_every_product_and_those_of_few_parameters_no_more_than_they_have():
    price, unit, _ = priced_at()
    assert price.products * unit == pytest.approx(49)
    assert price.exact_products * unit == pytest.approx(57)

    assert priced_at(preconditioned=True)[0].products * unit == pytest.approx(89)
    assert priced_at(dim=5)[0].products * unit == pytest.approx(14)


def test_spared_products_are_priced_as_they_are_taken():
    # 42 products, of which one in eight shares with a pass each.
    price, unit, step = priced_at(dense=False, dim=10_000)
    assert price.products * step == pytest.approx(42 * step / unit + 7 * PASS)
    assert price.exact_products * step == pytest.approx((16 + 5 + 1) * step / unit + 5 * 7 * PASS)

    # Of 8,000 examples eigenvalues are those of 1,000, and each half takes no more than 25 products.
    many = {"dense": False, "dim": 10_000, "examples": 8000}
    some, whole = (priced_at(**many, whole=w)[0].products for w in (False, True))
    assert 0.2 < some / whole < 0.4


def test_gradients_that_are_read_one_by_one_are_read_twice_and_tell_nothing_exactly():
    large, small = (priced_at(dense=False, dim=dim, operations=6e6)[0] for dim in (10**6, 10**4))

    assert large.gradients == 2 * small.gradients
    assert large.exact_gradients is None


def test_an_objective_over_many_batches_takes_a_pass_for_each():
    price, _, step = priced_at(batches=50)

    assert price.products * step == pytest.approx(42 * (50 * PASS + 5 * 500 * 6e3))


SOME = Price(gradients=2.0, products=0.0, exact_gradients=40.0, mean_gradients=4.0, draw=1 / 32, product=0.0)


def test_a_precision_takes_the_best_readings_that_are_paid_for_and_the_draws_that_are_left():
    """Readings of 64 draws, at steps 0 and 100: 2 steps each, 6 with a known mean, 42 without draws."""

    def found(budget, **asked):
        probes = Probes(every=100, budget=budget, precision=0.1, estimators=("gradient",), **asked)
        made = paid_for(probes, SOME, 100)
        return made.exact, made.most_samples

    assert found(0.9) == ("auto", None)
    # (0.5 · 100/2 − 6) steps are 608 further draws, of which looks after 64, 128, … take 512.
    assert found(0.5) == ("mean", 512)
    assert found(0.12) == ("mean", 64)
    assert found(0.1) == (False, 128)
    assert found(0.5, exact=False) == (False, 512)
    assert found(0.9, exact="mean", most_samples=1000) == ("mean", 1000)
    with pytest.raises(RunError, match="does not pay for 2 readings"):
        found(0.03)


def test_where_the_interval_is_chosen_ten_readings_go_before_more_draws():
    price = Price(gradients=2.0, products=0.0, draw=1 / 32)

    few, many = (
        paid_for(Probes(budget=0.05, precision=0.1, estimators=("gradient",)), price, steps)
        for steps in (500, 50_000)
    )

    assert (few.most_samples, many.most_samples) == (64, 2048)
    assert len(few.probe_steps(500)) * 2 <= 25
    assert 10 <= len(many.probe_steps(50_000)) <= 2500 / 64
