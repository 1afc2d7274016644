"""Noise on the inputs."""

import torch

from sdesim.data.augmentations import Noise


def test_noise_is_added_to_every_feature_by_itself_in_its_own_units():
    x = torch.full((100, 50), 3.0, dtype=torch.float64)

    noise = Noise(0.2)(x, torch.Generator().manual_seed(0)) - x

    # Of 5000 normal numbers: the mean ± 0.2/√5000, the variance ± 0.04·√(2/5000); six deviations, 2e-9 each.
    assert abs(float(noise.mean())) < 6 * 0.2 / 5000**0.5
    assert abs(float(noise.var()) - 0.04) < 6 * 0.04 * (2 / 5000) ** 0.5
    assert len(noise.unique()) == noise.numel()
