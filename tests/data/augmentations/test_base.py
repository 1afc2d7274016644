"""What every augmentation promises, over the registry, and several in a row."""

import pytest
import torch

from sdesim.data import Digits, Text
from sdesim.data.augmentations import Crop, Flip, Noise
from sdesim.data.augmentations.base import Base, Chain
from sdesim.errors import SdesimError
from sdesim.kinds import kinds_of

KINDS = kinds_of("augmentations")
IMAGES = torch.arange(1.0, 1 + 5 * 3 * 4 * 4).reshape(5, 3, 4, 4)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", KINDS)
def test_an_augmentation_keeps_shape_and_dtype_and_follows_its_generator_alone(name):
    augmentation = KINDS[name]()
    flat = Chain((augmentation,), (3, 4, 4))

    for dtype in (torch.float32, torch.float64):
        x = IMAGES.to(dtype)
        before = torch.get_rng_state()
        first, second, other = (augmentation(x, generator(seed)) for seed in (1, 1, 2))
        assert (first.shape, first.dtype) == (x.shape, dtype)
        assert torch.equal(first, second)
        assert not torch.equal(first, other)
        assert torch.equal(x, IMAGES.to(dtype))
        assert torch.equal(before, torch.get_rng_state())
        # The same images, as data sets hold them.
        assert torch.equal(flat(x.reshape(5, -1), generator(1)), first.reshape(5, -1))


def test_augmentations_follow_one_another_with_one_generator():
    one, two = Noise(0.5), Flip(1.0)
    both, rng = Chain((one, two)), generator()

    expected = two(one(IMAGES, rng), rng)

    assert torch.equal(both(IMAGES, generator()), expected)
    assert both.label == "noise (std 0.5), flip (share 1.0)"


@pytest.mark.parametrize("name", ["crop", "flip"])
def test_what_needs_images_says_the_shape_that_it_found(name):
    augmentation = KINDS[name]()

    assert augmentation.misfit(Digits().shape) == ""
    words = r"^augment\[0\]: found examples of shape \(20,\), allowed: images \(C, H, W\)$"
    with pytest.raises(SdesimError, match=words):
        Chain((augmentation,), (20,))
    with pytest.raises(SdesimError, match=words):
        augmentation(torch.zeros(2, 20), generator())


def test_tokens_take_no_noise():
    text = Text(library="this.py", context=8)

    assert Noise().misfit(text.shape, text.vocabulary).endswith(" tokens, allowed: features that are numbers")
    assert (
        Crop(2).misfit((1, 2, 8))
        == "found padding 2 of examples of shape (1, 2, 8), allowed: less than their sides"
    )
    with pytest.raises(NotImplementedError, match="Base needs change"):
        Base().change(IMAGES, generator())
