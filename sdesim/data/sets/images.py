"""Images from a folder of one's own, a subfolder for each class."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le, Lt, MinLen
from numpy.typing import NDArray

from sdesim.data.base import Base
from sdesim.data.dataset import Dataset
from sdesim.errors import first_line
from sdesim.kinds import Misfit, PathTo, kind
from sdesim.kinds.trust import located

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# What Pillow turns to grey or colours without loss of range; numbers of 16 and 32 bits it would cut off.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_Side = Annotated[int, Ge(1), Le(4096)]

Part = list[tuple[Path, int]]


@kind("data", "images")
@dataclass(frozen=True)
class Images(Base):
    """Images from the subfolders of a folder, each subfolder a class, scaled to [0, 1].

    Classes are the subfolders' names in alphabetical order, images their files in that order; what begins
    with a dot is left out. Read by Pillow, turned as their cameras say, taken to grey or colours, and
    resampled (bilinear, with antialiasing) where they have another size. x is (n, C·H·W).

    Args:
        folder: its path, sought beside the scenario file.
        size: side of the images in pixels, or [height, width].
        colour: "grey": C = 1, the luma; "rgb": C = 3.
        classes: subfolders to keep, labelled 0, 1, … in this order; without it all.
        test: share of each class that is drawn for the test, rounded, or the path of a folder of the same
            form with the test images.
        seed: of the split and of the order of the training images.

    Example:
        {kind: images, folder: animals, size: 16, colour: rgb, test: 0.25}
    """

    folder: Annotated[str, PathTo("a folder with a subfolder for each class", folder=True)]
    size: _Side | tuple[_Side, _Side] = 32
    colour: Literal["grey", "rgb"] = "grey"
    classes: Annotated[tuple[str, ...], MinLen(1)] | None = None
    test: Annotated[float, Ge(0), Lt(1)] | str = 0.2
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    labelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        # Settled here, because the folder of the scenario is known while its file is read.
        if isinstance(self.test, str):
            place = located(self.test).resolve()
            if not place.is_dir():
                message = f"found {self.test!r}, allowed: a share below 1, or a folder"
                raise Misfit("test", f"{message}; there is none at {place}")
            object.__setattr__(self, "test", str(place))
        if len(set(self.names)) != len(self.names):
            raise Misfit("classes", f"found {', '.join(self.names)}, allowed: every class once")
        train, test = self._parts
        if not train or (self.test != 0 and not test):
            message = f"found {self.test}, allowed: a share that leaves some of the {len(train) + len(test)}"
            raise Misfit("test", f"{message} images to train and some to test on, or 0")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order of their labels."""
        found = _entries(Path(self.folder), "folder", folders=True)
        if not found:
            raise Misfit("folder", f"{self.folder} has no subfolders, allowed: one for each class")
        names = tuple(place.name for place in found)
        unknown = next((name for name in self.classes or () if name not in names), None)
        if unknown is not None:
            raise Misfit(
                "classes", f"found {unknown!r}, allowed: what {self.folder} holds, {', '.join(names)}"
            )
        return self.classes or names

    @cached_property
    def _parts(self) -> tuple[Part, Part]:
        """Path and label of the training and test images."""
        files = [_entries(Path(self.folder) / name, "folder") for name in self.names]
        if isinstance(self.test, str):
            held = [place.name for place in _entries(Path(self.test), "test", folders=True)]
            unknown = next((name for name in held if name not in self.names), None)
            if unknown is not None and self.classes is None:
                message = f"{self.test} has the class {unknown!r}, allowed: those of folder"
                raise Misfit("test", f"{message}, {', '.join(self.names)}")
            # A class may be without test images.
            kept = [name for name in self.names if name in held]
            tested = [(p, self.names.index(n)) for n in kept for p in _entries(Path(self.test) / n, "test")]
        else:
            tested = []
        rng, train = np.random.default_rng(self.seed), []
        for label, places in enumerate(files):
            order = [int(k) for k in rng.permutation(len(places))]
            cut = len(places) if isinstance(self.test, str) else len(places) - round(self.test * len(places))
            train += [(places[k], label) for k in order[:cut]]
            tested += [(places[k], label) for k in order[cut:]]
        return [train[k] for k in rng.permutation(len(train))], tested

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        return (1 if self.colour == "grey" else 3, height, width)

    @property
    def examples(self) -> int:
        """Number of training images."""
        return len(self._parts[0])

    @property
    def features(self) -> int:
        """Numbers of an image."""
        channels, height, width = self.shape
        return channels * height * width

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return len(self.names)

    @property
    def tested(self) -> bool:
        """Whether there are test images."""
        return bool(self._parts[1])

    def make(self) -> Dataset:
        """Read the images.

        Raises:
            Misfit: one can't be read, or holds what grey or colours of 8 bits can't.
        """
        train, test = self._parts
        where = "test" if isinstance(self.test, str) else "folder"
        return Dataset(*self._read(train, "folder"), *self._read(test, where))

    def _read(self, part: Part, field: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        x = np.empty((len(part), self.features))
        for row, (place, _) in zip(x, part, strict=True):
            row[:] = _pixels(place, field, self.shape, self.colour)
        return x, np.array([label for _, label in part], dtype=np.int64)

    def digest(self) -> str:
        """SHA-256 of the images, of what they are called, and of the version of what reads them."""
        import PIL

        digest = hashlib.sha256(f"Pillow {PIL.__version__}".encode())
        for part in self._parts:
            for place, label in part:
                digest.update(f"{label}/{place.name}/".encode())
                digest.update(hashlib.sha256(place.read_bytes()).digest())
        return digest.hexdigest()


def _entries(folder: Path, field: str, *, folders: bool = False) -> list[Path]:
    """The images of a folder, or its subfolders, by name.

    Raises:
        Misfit: it holds something else, or no image.
    """
    try:
        found = sorted((e for e in os.scandir(folder) if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise Misfit(field, f"{folder} can't be read: {error.strerror or error}") from None
    for entry in found:
        place = Path(entry.path)
        if folders and not entry.is_dir():
            raise Misfit(
                field, f"{place} is no subfolder, allowed: one for each class, which holds its images"
            )
        if not folders and (entry.is_dir() or place.suffix.lower() not in _ENDINGS):
            raise Misfit(field, f"{place} is no image, allowed: files {', '.join(_ENDINGS)}")
    if not found and not folders:
        raise Misfit(field, f"{folder} is empty, allowed: images of its class")
    return [Path(entry.path) for entry in found]


def _pixels(place: Path, field: str, shape: tuple[int, int, int], colour: str) -> NDArray[np.float64]:
    """An image as numbers (C·H·W,) in [0, 1], row by row in each channel."""
    from PIL import Image, ImageOps

    channels, height, width = shape
    try:
        with warnings.catch_warnings():
            # Pillow warns of images so large that they may be meant to fill the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(place) as opened:
                opened.load()
                image: Any = ImageOps.exif_transpose(opened)
    except Exception as error:
        # Whatever a damaged file makes a decoder raise.
        raise Misfit(field, f"{place} can't be read: {first_line(error)}") from None
    if image.mode not in _MODES:
        raise Misfit(field, f"{place} has pixels of the mode {image.mode}, allowed: 8 bits, grey or colours")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise Misfit(field, f"{place} is transparent in places, allowed: opaque images")
    image = image.convert("L" if colour == "grey" else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    numbers = np.asarray(image, dtype=np.float64).reshape(height, width, channels) / 255.0
    return np.ascontiguousarray(numbers.transpose(2, 0, 1)).reshape(-1)
