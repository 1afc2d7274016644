"""Layers that several networks share."""

import pytest

torch = pytest.importorskip("torch")

from sdesim.networks.modules.parts import Arranged, Averaged, Embedding, normalisation  # noqa: E402


def test_each_normalisation_is_over_what_it_says():
    x = torch.randn(6, 4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    (batch,), (layer,), none = (
        normalisation("batch", 4, 2),
        normalisation("layer", 4, 2),
        normalisation("none", 4),
    )

    # A shift of 1e-5 beside variances near 1 leaves means at 0.
    torch.testing.assert_close(
        batch(x).mean((0, 2, 3)), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-14
    )
    torch.testing.assert_close(
        layer(x).mean((1, 2, 3)), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-14
    )
    assert none == []
    assert isinstance(normalisation("layer", 4)[0], torch.nn.LayerNorm)


def test_numbers_are_arranged_row_by_row_and_averaged_over_places():
    x = torch.arange(12.0).reshape(1, 12)

    arranged = Arranged((3, 2, 2))(x)

    assert arranged[0, 1].tolist() == [[4.0, 5.0], [6.0, 7.0]]
    assert Averaged()(arranged).tolist() == [[1.5, 5.5, 9.5]]


def test_embeddings_have_variance_one_over_their_width():
    torch.manual_seed(0)

    found = Embedding(1000, 16).weight.detach()

    # The relative error of a variance of 16,000 normal numbers is √(2/16000) = 1.1%: six of them.
    assert float(found.var()) * 16 == pytest.approx(1.0, abs=0.067)
