"""Recipes of losses: what answers they take, and which functions they are."""

import numpy as np
import pytest

from sdesim.data import Chebyshev, Dataset, Digits, ModularAddition
from sdesim.kinds import kinds_of, names_of, read
from sdesim.networks.losses import MSE, BCEWithLogits, CrossEntropy, Hinge, Mixture

torch = pytest.importorskip("torch")
LABELS, TARGETS = Digits(20, 0), Chebyshev()
LOSSES = {
    "cross_entropy": CrossEntropy(),
    "mse": MSE(),
    "mixture": Mixture({"class": 1.0, "uniform": 0.5}),
    "hinge": Hinge(),
    "bce_with_logits": BCEWithLogits(),
}


def test_every_loss_of_the_registry_is_tested_here():
    assert set(LOSSES) == set(names_of("losses"))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "bce_with_logits"])
@pytest.mark.parametrize("recipe", [LABELS, TARGETS], ids=["labels", "targets"])
def test_a_loss_takes_the_answers_that_it_says_and_no_others(name, recipe):
    loss, data = LOSSES[name], recipe.load()
    outputs = torch.linspace(-1, 1, len(data.y_train) * data.outputs, dtype=torch.float64, requires_grad=True)

    if loss.misfit(recipe):
        able = "bce_with_logits, mse"
        assert loss.misfit(recipe) == f"found {name!r}, allowed: {able}, because these data hold targets"
        return
    function = loss.function(recipe)
    value = function(outputs.reshape(-1, data.outputs), torch.as_tensor(data.y_train))
    value.backward()

    assert value.shape == ()
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("name", ["cross_entropy", "mse"])
def test_on_surfaces_a_loss_is_the_same_number(name):
    from sdesim.networks import MLP

    data, loss = ModularAddition(5, 0.5).load(), LOSSES[name]
    surface = MLP((10, 4, 5)).surface(data.x_train, data.y_train, loss)
    module = MLP((10, 4, 5)).build()
    torch.nn.utils.vector_to_parameters(torch.tensor(surface.start), module.parameters())

    value = loss.function(data)(module(torch.tensor(data.x_train)), torch.tensor(data.y_train))

    assert float(surface.loss(surface.start)) == pytest.approx(value.item(), rel=1e-12)


def test_a_name_alone_is_a_loss():
    assert read("losses", "mse") == MSE()
    assert (MSE().on_surfaces, CrossEntropy().on_surfaces, LOSSES["mixture"].on_surfaces) == (
        "mse",
        "cross_entropy",
        "",
    )
    np.testing.assert_array_equal(MSE().answers([1, 0], 3), [[0, 1, 0], [1, 0, 0]])


def test_every_target_is_a_loss_of_probabilities_and_labels():
    z = torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(30) % 4
    p = z.softmax(dim=1)
    even = torch.stack([p[:, 0] + p[:, 2], p[:, 1] + p[:, 3]], dim=1)
    expected = {
        "class": -p[torch.arange(30), y].log().mean(),
        "parity": -even[torch.arange(30), y % 2].log().mean(),
        "uniform": -p.log().mean(),
    }

    found = {name: cls().loss(z.log_softmax(dim=1), y) for name, cls in kinds_of("objectives").items()}

    assert list(found) == list(expected)
    for name, value in found.items():
        assert float(value) == pytest.approx(float(expected[name]), rel=1e-12)


def test_several_labels_an_example_are_for_cross_entropy_alone():
    x = np.zeros((2, 3))
    places = Dataset(x, np.zeros((2, 3), int), x[:0], np.zeros((0, 3), int), positions=3, known_classes=4)

    told = {name: loss.misfit(places) for name, loss in LOSSES.items()}

    assert told.pop("cross_entropy") == ""
    assert all(
        text == f"found {name!r}, allowed: cross_entropy, because these data hold 3 labels an example"
        for name, text in told.items()
    )
