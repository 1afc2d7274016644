"""Images from a folder of one's own."""

import pickle

import numpy as np
import pytest
from PIL import Image

from sdesim.data import Images
from sdesim.kinds import Misfit, dump, read, trusting

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, size=(2, 4, 5, 6, 3), dtype=np.uint8)


def save(array, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(place)


@pytest.fixture
def folder(tmp_path):
    """A scenario's folder with images of two classes, 5×6 pixels, in lossless files."""
    for name, pictures in zip(("cat", "dog"), PICTURES, strict=True):
        for k, picture in enumerate(pictures):
            save(picture, tmp_path / "animals" / name / f"{k}.png")
    (tmp_path / "animals" / ".hidden").write_text("left out")
    with trusting(folder=tmp_path):
        yield tmp_path


def test_pixels_are_those_of_the_files_channel_by_channel_and_every_image_is_used_once(folder):
    recipe = Images("animals", size=[5, 6], colour="rgb", test=0.25, seed=3)

    assert (recipe.examples, recipe.features, recipe.outputs, recipe.tested) == (6, 90, 2, True)
    assert (recipe.shape, recipe.names) == ((3, 5, 6), ("cat", "dog"))
    data = recipe.load()
    assert data.shape == (3, 5, 6)
    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    expected = PICTURES.transpose(0, 1, 4, 2, 3).reshape(2, 4, 90) / 255.0
    for label in (0, 1):
        assert {row.tobytes() for row in x[y == label]} == {row.tobytes() for row in expected[label]}
    # A quarter of each class.
    assert sorted(data.y_test.tolist()) == [0, 1]
    assert not np.array_equal(
        Images("animals", size=[5, 6], colour="rgb", seed=4).load().x_train, data.x_train
    )


def test_images_are_taken_to_grey_and_to_their_size(folder):
    grey = Images("animals", size=[5, 6], test=0)
    small = Images("animals", size=2, colour="rgb", test=0)

    # Rec. 601: within the half grey level to which Pillow rounds.
    luma = (PICTURES @ [0.299, 0.587, 0.114]).reshape(8, 30)
    data = grey.load()
    of_files = {row.tobytes() for row in np.round(255 * data.x_train)}
    assert len(of_files) == 8
    apart = np.abs(255 * data.x_train[:, None] - luma).max(axis=2).min(axis=1)
    assert (apart < 0.51).all()
    assert (grey.tested, small.shape, small.load().x_train.shape) == (False, (3, 2, 2), (8, 12))
    # Every pixel is a weighted mean of those of the image.
    assert np.abs(small.load().x_train.mean() - PICTURES.mean() / 255) < 0.1


def test_a_folder_of_its_own_holds_the_test_and_classes_are_kept_by_name(folder):
    save(PICTURES[1, 0], folder / "later" / "dog" / "a.png")
    save(PICTURES[0, 0], folder / "later" / "cat" / "b.png")

    recipe = read(
        "data", {"kind": "images", "folder": "animals", "size": 4, "classes": ["dog"], "test": "later"}
    )

    assert (recipe.examples, recipe.outputs, len(recipe.load().x_test)) == (4, 1, 1)
    assert read("data", dump(recipe)) == recipe
    assert pickle.loads(pickle.dumps(recipe)).digest() == recipe.digest()
    before = recipe.digest()
    save(PICTURES[1, 1], folder / "later" / "dog" / "a.png")
    assert recipe.digest() != before


def broken(folder):
    (folder / "animals" / "cat" / "9.png").write_bytes(
        (folder / "animals" / "cat" / "0.png").read_bytes()[:60]
    )


def transparent(folder):
    save(np.zeros((5, 6, 4), dtype=np.uint8), folder / "animals" / "cat" / "9.png")


def deep(folder):
    save(np.full((5, 6), 40000, dtype=np.uint16), folder / "animals" / "cat" / "9.png")


def stray(folder):
    (folder / "animals" / "cat" / "note.txt").write_text("a")


def loose(folder):
    save(PICTURES[0, 0], folder / "animals" / "a.png")


def empty(folder):
    (folder / "animals" / "eel").mkdir()


def third(folder):
    save(PICTURES[0, 0], folder / "later" / "eel" / "a.png")


def nothing(folder):
    (folder / "bare").mkdir()


@pytest.mark.parametrize(
    ("change", "fields", "words"),
    [
        (broken, {}, r"folder: .*/cat/9.png can't be read: "),
        (transparent, {}, r"folder: .*/cat/9.png is transparent in places, allowed: opaque images$"),
        (deep, {}, r"folder: .*/cat/9.png has pixels of the mode I;16, allowed: 8 bits, grey or colours$"),
        (stray, {}, r"folder: .*/cat/note.txt is no image, allowed: files .bmp, "),
        (loose, {}, r"folder: .*/animals/a.png is no subfolder, allowed: one for each class"),
        (empty, {}, r"folder: .*/animals/eel is empty, allowed: images of its class$"),
        (nothing, {"folder": "bare"}, r"folder: .*/bare has no subfolders, allowed: one for each class$"),
        (nothing, {"folder": "none"}, r"folder: found 'none', allowed: a folder with a subfolder"),
        (nothing, {"classes": ["cat", "cow"]}, r"classes: found 'cow', allowed: what .* holds, cat, dog$"),
        (nothing, {"classes": ["cat", "cat"]}, r"classes: found cat, cat, allowed: every class once$"),
        (third, {"test": "later"}, r"test: .*/later has the class 'eel', allowed: those of folder, cat, d"),
        (nothing, {"test": "now"}, r"test: found 'now', allowed: a share below 1, or a folder; there"),
        (nothing, {"test": 0.1}, r"test: found 0.1, allowed: a share that leaves some of the 8 images"),
    ],
)  # fmt: skip
def test_what_is_no_folder_of_images_by_class_is_refused_in_a_line(folder, change, fields, words):
    change(folder)

    with pytest.raises(Misfit, match=f"^{words}"):
        Images(**({"folder": "animals", "size": 4} | fields)).load()
