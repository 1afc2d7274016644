"""Attention of plain products against torch's own, and who sees whom."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from sdesim.networks import Transformer  # noqa: E402
from sdesim.networks.modules.attention import Attention  # noqa: E402


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_torchs(causal):
    torch.manual_seed(0)
    attention, x = Attention(6, 2, causal, 0.0), torch.randn(3, 5, 6, dtype=torch.float64)

    q, k, v = (part.reshape(3, 5, 2, 3).transpose(1, 2) for part in attention.mix(x).split(6, dim=2))
    seen = scaled_dot_product_attention(q, k, v, is_causal=causal)
    expected = attention.out(seen.transpose(1, 2).reshape(3, 5, 6))

    torch.testing.assert_close(attention(x), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("causal", [True, False])
def test_only_a_causal_position_sees_none_after_it(causal):
    net = Transformer(7, 4, 3, width=8, layers=2, causal=causal, head="every").build()
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    other = torch.tensor([[1.0, 2.0, 5.0, 4.0]])

    same = (net(x) == net(other)).all(2)[0].tolist()

    assert same == ([True, True, False, False] if causal else [False] * 4)


def test_the_last_position_is_that_of_every_position():
    last, every = (Transformer(7, 4, 3, width=8, head=head, seed=2).build() for head in ("last", "every"))
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])

    torch.testing.assert_close(last(x), every(x)[:, -1], rtol=0, atol=1e-15)
