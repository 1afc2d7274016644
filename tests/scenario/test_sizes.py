"""What real arms train, told before they run."""

from sdesim.scenario import parse_scenario
from sdesim.scenario.sizes import line, sizes
from tests.scenario.files import REAL, changed


def told(old="steps: 20", new="steps: 20"):
    arms = sizes(parse_scenario(changed(old, new, REAL)))
    assert list(arms) == ["real"]
    return arms["real"], line(arms["real"])


def test_a_real_arm_says_its_network_parameters_examples_and_loss():
    found, words = told()

    # 64·8 + 8 + 8·10 + 10.
    assert found == {
        "network": "tanh network 64-8-10", "parameters": 610, "examples": 100, "loss": "cross_entropy"
    }  # fmt: skip
    assert words == "tanh network 64-8-10, 610 parameters, 100 examples, loss cross_entropy"


def test_settings_that_are_not_the_defaults_penalties_and_pruned_weights_are_said():
    loss = "loss: {kind: hinge, margin: 2}\n      penalty: [{kind: l1, factor: 0.1}, {kind: l2, factor: 1}]"

    found, words = told(new=f"steps: 20\n      {loss}\n      prune: {{rule: random, sparsity: 0.5}}")

    assert found["trained"] == 256 + 40 + 18
    assert words.endswith(
        "610 parameters, 314 of them trained, 100 examples, loss hinge (margin 2.0), "
        "penalty l1 (factor 0.1) and l2 (factor 1.0)"
    )
