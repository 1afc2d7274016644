"""What only the machine or the network itself tells is refused before a run directory is begun."""

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import parse_scenario, run_scenario
from sdesim.scenario.checks.readings import check_readings
from tests.scenario.files import REAL, changed


def refusal(text, tmp_path, **options):
    with pytest.raises(ScenarioError) as caught:
        run_scenario(parse_scenario(text, **options), tmp_path / "x", progress=False)
    assert not (tmp_path / "x").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("noise", "why"),
    [
        ("{kind: stable, alpha: 1.7, scale: 0.1, truncation: 0.5}", "the variance of the noise is not known"),
        ("{kind: stable, alpha: 1.7, scale: 0.1, tempering: 2.0, skew: 0.5}", "the noise has no mean"),
    ],
)
def test_the_law_of_a_twin_s_noise_is_asked_before_the_real_arm_trains(noise, why, tmp_path):
    text = changed("{kind: gaussian, match: trace}", noise, REAL)
    text = text.replace("every: 10", "every: 10, exact: true")

    said = refusal(text, tmp_path)

    assert said.startswith("arms.twin.probes.exact: found true, allowed: ")
    assert why in said


NETWORK = """\
from torch import nn


class Dropped(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 10))
"""


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("exact: true", "arms.real: probes: exact=True can't be: layers act at random"),
        ("budget: 0.01", "arms.real: probes: budget 0.01 does not pay for 3 readings"),
    ],
)
def test_what_a_network_of_one_s_own_shows(asked, message, tmp_path):
    # One for each case, because the name of a module is taken once.
    module = f"dropped_network_{asked.partition(':')[0]}"
    (tmp_path / f"{module}.py").write_text(NETWORK)
    text = changed("{kind: mlp, widths: [64, 8, 10]}", f'{{kind: "{module}:Dropped"}}', REAL)
    alone = text.split("  twin:")[0] + f"probes: {{every: 10, {asked}}}\n"

    assert refusal(alone, tmp_path, trust=[module], folder=tmp_path).startswith(message)


def test_minibatches_of_another_size_are_no_obstacle():
    text = changed("{kind: gaussian, match: trace}", "{kind: minibatch, batch_size: 5}", REAL)
    scenario = parse_scenario(text)

    check_readings(scenario, "twin", scenario.arms["twin"])
