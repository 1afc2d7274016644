"""What the bases of all families share."""

from dataclasses import dataclass

import pytest

from sdesim.kinds.bases import Defaults, default, public_names


class Shape(Defaults):
    @default
    def size(self):
        return 3


def test_a_default_holds_until_a_subclass_has_a_field_of_its_name():
    @dataclass(frozen=True)
    class Own(Shape):
        size: int

    assert Shape().size == 3
    assert Own(5).size == 5
    with pytest.raises(TypeError, match="size"):
        Own()


def test_a_family_finds_its_kinds_and_what_else_is_public():
    get, names = public_names("sdesim.noise", "noises", {"increments": "draws"})

    assert {"Gaussian", "Stable", "increments"} <= set(names())
    assert get("Gaussian").kind == "gaussian"
    assert get("increments").__module__ == "sdesim.noise.draws"
    assert get("__all__") == names()
    with pytest.raises(AttributeError, match=r"module 'sdesim\.noise' has no attribute 'Gausian'"):
        get("Gausian")
