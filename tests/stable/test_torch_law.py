"""The stable law in torch."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sdesim import stable  # noqa: E402
from sdesim.errors import SdesimError  # noqa: E402
from sdesim.stable.fitting.characteristic_fit import characteristic  # noqa: E402


def parameters(*rows):
    return [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in rows]


def test_log_prob_is_that_of_the_package_and_its_gradients_are_differences():
    given = parameters([0.3, 2.0, -20.0], [1.5, 1.2, 1.9], [0.2, -0.5, 0.0], [0.0, 1.0, 2.0], [1.0, 2.0, 0.5])

    def log_prob(x, alpha, beta, loc, scale):
        return stable.TorchStable(alpha, beta, loc, scale, validate_args=False).log_prob(x)

    x, alpha, beta, loc, scale = (p.detach().numpy() for p in given)
    np.testing.assert_allclose(
        log_prob(*given).detach(), stable.logpdf(x, alpha, beta, loc, scale), rtol=1e-13
    )
    assert torch.autograd.gradcheck(log_prob, given, atol=1e-6, rtol=1e-5)


def test_draws_have_the_laws_characteristic_function():
    generator = torch.Generator().manual_seed(0)
    u = np.array([0.4, 1.5])
    for alpha, beta in ((1.5, 0.5), (1.0, 0.9), (0.6, -1.0), (2.0, 0.0)):
        x = stable.torch_rvs(
            alpha, beta, 20_000, loc=1.0, scale=2.0, parametrization="S0", generator=generator
        ).numpy()
        exact = characteristic(u, np.array([alpha, beta, math.log(2.0), 1.0]))
        # Five standard errors.
        assert (np.abs(np.exp(1j * u[:, None] * x).mean(axis=1) - exact) < 5 / math.sqrt(20_000)).all()


def test_gradients_of_means_flow_through_the_draws():
    alpha, beta = parameters(1.5, 0.5)
    law = stable.TorchStable(alpha, beta, 0.0, 1.0, "S0")

    x = law.rsample((20_000,), generator=torch.Generator().manual_seed(0))
    torch.exp(-0.5 * (x - 1.0) ** 2).mean().backward()

    def mean(a, b):
        # By the Fourier transform of the bell, with the trapezoidal rule.
        u = np.arange(-8.0, 8.0, 0.01)
        phi = np.where(u == 0, 1.0, characteristic(u, np.array([a, b, 0.0, 0.0])))
        return (phi * np.exp(-1j * u - 0.5 * u * u)).real.sum() * 0.01 / math.sqrt(2 * math.pi)

    by_alpha = (mean(1.5 + 1e-5, 0.5) - mean(1.5 - 1e-5, 0.5)) / 2e-5
    by_beta = (mean(1.5, 0.5 + 1e-5) - mean(1.5, 0.5 - 1e-5)) / 2e-5
    # A draw's own derivative is a bell times x log x, of size one: five standard errors are 0.04.
    assert alpha.grad.item() == pytest.approx(by_alpha, abs=0.04)
    assert beta.grad.item() == pytest.approx(by_beta, abs=0.04)


def test_it_is_a_distribution():
    law = stable.TorchStable(torch.tensor([1.5, 2.0]), 0.3, 1.0, 2.0)

    assert law.expand((3, 2)).sample((4,)).shape == (4, 3, 2)
    assert law.mean.tolist() == [1.0, 1.0]
    assert law.variance.tolist() == [math.inf, 8.0]
    assert law.cdf(law.icdf(torch.tensor(0.3))).tolist() == pytest.approx([0.3, 0.3], rel=1e-5)
    assert stable.torch_rvs(1.5, 0.0, (2, 3), dtype=torch.float32).dtype is torch.float32
    assert math.isnan(stable.TorchStable(0.9).mean)
    with pytest.raises(SdesimError, match="parametrization must be one of S1, S0, got 'S2'"):
        stable.TorchStable(1.5, parametrization="S2")
    with pytest.raises(ValueError, match="alpha"):
        stable.TorchStable(2.5)


def test_parameters_out_of_range_are_refused_where_torch_was_told_to_check_none():
    # As it is once anything was compiled.
    torch.distributions.Distribution.set_default_validate_args(False)
    try:
        with pytest.raises(ValueError, match="alpha"):
            stable.TorchStable(2.5)
    finally:
        torch.distributions.Distribution.set_default_validate_args(True)
