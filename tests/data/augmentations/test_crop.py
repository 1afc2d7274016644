"""Images moved by a few pixels."""

import torch

from sdesim.data.augmentations import Crop


def test_an_image_is_moved_as_a_whole_by_every_offset_up_to_the_padding():
    x = torch.arange(1.0, 1 + 2 * 3 * 4).reshape(1, 2, 3, 4).repeat(400, 1, 1, 1)
    padded = torch.nn.functional.pad(x[0], (1, 1, 1, 1))
    moved = {(i, j): padded[:, i : i + 3, j : j + 4] for i in range(3) for j in range(3)}

    made = Crop(1)(x, torch.Generator().manual_seed(0))

    seen = [next(at for at, image in moved.items() if torch.equal(image, one)) for one in made]
    counts = [seen.count(at) for at in moved]
    # Binomial of 400 and 1/9: 44 ± 6.3; one of nine is six deviations off with probability below 1e-7.
    assert all(6.5 < count < 82 for count in counts)
