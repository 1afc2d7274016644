"""A learning rate that falls in steps."""

from sdesim.optimizers.learning_rates import Step


def test_steps_are_counted_after_the_warm_up():
    recipe = Step(2, 0.5, warmup=1)

    assert [recipe.rate(k, 6) for k in range(6)] == [0.5, 1.0, 1.0, 0.5, 0.5, 0.25]
    assert Step(1).rate(1, 2) == 0.1
