"""Cells of plain products against torch's own."""

import pytest

torch = pytest.importorskip("torch")

from sdesim.networks.modules.cells import GRU, LSTM, Signals  # noqa: E402


@pytest.mark.parametrize(("ours", "theirs"), [(LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)])
def test_a_cell_walks_as_torchs_does(ours, theirs):
    torch.manual_seed(0)
    cell, known = ours(3, 4), theirs(3, 4, batch_first=True).double()
    own = (cell.given.weight, cell.kept.weight, cell.given.bias, cell.kept.bias)
    with torch.no_grad():
        # weight_ih, weight_hh, bias_ih, bias_hh.
        for mine, its in zip(own, known.parameters(), strict=True):
            mine.copy_(its)
    x = torch.randn(5, 7, 3, dtype=torch.float64)

    # The same products in another order: some roundings of 1e-16 each.
    torch.testing.assert_close(cell(x), known(x)[0], rtol=1e-13, atol=1e-14)


def test_fresh_weights_lie_within_one_over_the_root_of_the_state():
    torch.manual_seed(0)

    found = torch.cat([p.reshape(-1) for p in LSTM(8, 25).parameters()])

    # Of 3,400 uniform numbers the largest lies within 2% of the bound but for 0.98^3400 < 1e-29.
    assert 0.98 * 0.2 < float(found.detach().abs().max()) <= 0.2


def test_a_signal_is_walked_place_by_place():
    # Two channels of three places.
    x = torch.tensor([[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]])

    assert Signals((2, 3))(x).tolist() == [[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]]
