"""Learning rates in the course of a training."""

import math

import pytest

from sdesim.kinds import kinds_of
from sdesim.optimizers.learning_rates import Constant, Cosine, Step

CASES = {"constant": Constant(warmup=3), "cosine": Cosine(0.1, warmup=4), "step": Step(10, 0.5, warmup=2)}


def test_every_learning_rate_of_the_registry_is_tested_here():
    # Torch's are tested against torch.
    assert set(CASES) == {name for name, cls in kinds_of("learning_rates").items() if not cls.torch_name}


@pytest.mark.parametrize("name", CASES)
def test_the_rate_grows_linearly_in_the_warm_up_to_the_whole(name):
    recipe = CASES[name]

    rates = [recipe.rate(k, 40) for k in range(40)]

    warm = recipe.warmup
    assert rates[: warm + 1] == [(k + 1) / (warm + 1) for k in range(warm + 1)]
    assert max(rates) == 1.0
    assert recipe.total(40) == math.fsum(rates)
    assert not recipe.constant
    assert list(recipe.problems(warm + 1)) == []
    assert list(recipe.problems(warm)) == [
        (("warmup",), f"found {warm}, allowed: 0 to {warm - 1}, fewer than the steps")
    ]


def test_a_cosine_ends_at_its_final_share_and_a_step_falls_by_its_factor():
    assert Cosine(0.1).rate(0, 40) == 1.0
    assert Cosine(0.1).rate(39, 40) == pytest.approx(0.1)
    assert Cosine().rate(20, 41) == pytest.approx(0.5)
    assert [Step(10, 0.5).rate(k, 40) for k in (0, 9, 10, 39)] == [1.0, 1.0, 0.5, 0.125]


@pytest.mark.parametrize("name", CASES)
def test_the_scheduler_of_torch_follows_the_rate(name):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)

    scheduler = CASES[name].scheduler(20)(optimizer)

    for k in range(20):
        assert scheduler.get_last_lr() == [0.3 * CASES[name].rate(k, 20)]
        optimizer.step()
        scheduler.step()
