"""Fully connected networks by their recipe: sizes, initial weights and surfaces."""

import pytest

from sdesim.data import Digits, TeacherStudent
from sdesim.networks import MLP
from sdesim.networks.losses import MSE, CrossEntropy, Mixture

torch = pytest.importorskip("torch")
SMALL = Digits(40, 20)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("init", "scale"), [("default", 1.0), ("default", 2.0), ("normal", 0.5)])
def test_sizes_of_an_mlp_are_those_of_its_module_and_of_its_surface(bias, init, scale):
    recipe = MLP([64, 8, 10], "relu", bias, init, scale, seed=3)

    module = recipe.build()
    shapes = tuple(tuple(p.shape) for p in module.parameters())
    assert recipe.shapes == shapes
    assert recipe.dim == sum(p.numel() for p in module.parameters())
    assert (recipe.weights, recipe.biases) == ((512, 80), 18 if bias else 0)
    assert (recipe.inputs, recipe.outputs) == (64, 10)
    data = SMALL.load()
    for loss in (MSE(), CrossEntropy()):
        assert recipe.surface(data.x_train, data.y_train, loss).dim == recipe.dim


def test_initial_weights_are_those_of_the_seed_and_leave_the_global_generator():
    recipe = MLP((4, 3, 2), seed=5)
    torch.manual_seed(0)
    before = torch.get_rng_state()

    first, second = recipe.build(), recipe.build()

    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    plain = torch.nn.Sequential(
        torch.nn.Linear(4, 3, dtype=torch.float64),
        torch.nn.Tanh(),
        torch.nn.Linear(3, 2, dtype=torch.float64),
    )
    for a, b, c in zip(first.parameters(), second.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
    assert first is not second


def test_the_surface_of_an_mlp_is_the_loss_of_its_module():
    data = TeacherStudent(30, 0, features=4, outputs=2).load()
    recipe, loss = MLP((4, 3, 2), seed=1), MSE()

    surface, module = recipe.surface(data.x_train, data.y_train, loss), recipe.build()
    torch.nn.utils.vector_to_parameters(torch.tensor(surface.start), module.parameters())
    expected = loss.function(data)(module(torch.tensor(data.x_train)), torch.tensor(data.y_train))

    assert float(surface.loss(surface.start)) == pytest.approx(float(expected), rel=1e-12)
    assert recipe.surface(data.x_train, data.y_train, Mixture({"class": 1.0})) is None


def test_an_mlp_that_does_not_fit_the_data_says_which_width():
    assert list(MLP((64, 8, 10)).problems(SMALL)) == []
    assert list(MLP((63, 8, 9)).problems(SMALL)) == [
        (("widths", 0), "found 63, allowed: 64, the features of the data"),
        (("widths", 2), "found 9, allowed: 10, the classes of the data"),
    ]
    targets = TeacherStudent(10, 0, features=3)
    assert next(iter(MLP((3, 2)).problems(targets)))[1].endswith("1, the targets of the data")
