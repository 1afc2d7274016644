"""Images and their mirror images."""

import torch

from sdesim.data.augmentations import Flip


def test_the_asked_share_of_images_is_mirrored_from_left_to_right():
    x = torch.arange(1.0, 13.0).reshape(1, 1, 3, 4).repeat(1000, 1, 1, 1)

    made = Flip(0.25)(x, torch.Generator().manual_seed(0))

    mirrored = (made == x.flip(3)).all((1, 2, 3))
    assert bool((mirrored | (made == x).all((1, 2, 3))).all())
    # Binomial of 1000 and 1/4: 250 ± 13.7, six deviations have probability below 1e-8.
    assert 168 < int(mirrored.sum()) < 332
