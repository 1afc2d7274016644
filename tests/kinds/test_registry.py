"""One check for Python and files, on kinds made for the purpose."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, MinLen

from sdesim.errors import SdesimError
from sdesim.kinds import (
    InCode,
    Misfit,
    Numbers,
    OneOf,
    documented,
    dump,
    families,
    kind,
    kinds_of,
    names_of,
    read,
    trusting,
)
from sdesim.kinds.schema import kind_schema, linked


@kind("test-bowls", "bowl")
@dataclass(frozen=True)
class Bowl:
    """½ Σ rate x².

    The simplest there is.

    Args:
        rates: λ, one for all
            or one each.
        dim: number of coordinates.
        shape: of the wall.
        tilt: slope.
        given: an array.

    Source: nobody.

    Example:
        {kind: bowl, rates: 2.0}
    """

    rates: Annotated[Any, Numbers(0, 1)]
    dim: Annotated[int, Ge(1)] = 1
    shape: Literal["round", "flat"] = "round"
    tilt: Annotated[float, Ge(-1), Le(1)] | None = None
    sizes: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(2)] = (1, 2)
    given: Annotated[Any, InCode()] = None
    _worked_out: float = field(init=False, repr=False, default=0.0)
    examples: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if np.ndim(self.rates) and len(self.rates) != self.dim:
            raise Misfit("rates", f"found {len(self.rates)} numbers, allowed: one or {self.dim}")
        object.__setattr__(self, "_worked_out", 1.0)


@kind("test-bowls", "within")
@dataclass(frozen=True)
class Within:
    """Another bowl inside.

    Args:
        inner: what is inside.
        share: of it.
    """

    inner: Annotated[Any, OneOf("test-bowls")]
    share: Annotated[float, Gt(0)] = 1.0


def messages(call: Any) -> str:
    with pytest.raises(Misfit) as caught:
        call()
    return str(caught.value)


WRONG = [
    ({"rates": 1.0, "dim": 0}, "dim: found 0, allowed: a number of at least 1"),
    ({"rates": 1.0, "dim": 2.5}, "dim: found 2.5, allowed: a whole number of at least 1"),
    ({"rates": 1.0, "dim": True}, "dim: found True, allowed: a whole number of at least 1"),
    ({"rates": "x"}, "rates: found 'x', allowed: a number or a list of numbers"),
    (
        {"rates": [1.0, float("nan")]},
        "rates: found [1.0, nan], allowed: finite numbers, a number or a list of",
    ),
    ({"rates": []}, "rates: found [], allowed: a number or a list of numbers"),
    ({}, "rates: missing"),
    ({"rates": 1.0, "shpe": "flat"}, "shpe: unknown field, did you mean 'shape'?"),
    ({"rates": 1.0, "shape": "fla"}, "shape: found 'fla', allowed: round, flat, did you mean 'flat'?"),
    ({"rates": 1.0, "tilt": 2}, "tilt: found 2, allowed: a number of at most 1"),
    ({"rates": 1.0, "tilt": "a"}, "tilt: found 'a', allowed: a number of at least -1 and at most 1"),
    ({"rates": 1.0, "tilt": float("inf")}, "tilt: found inf, allowed: a finite number"),
    ({"rates": 1.0, "sizes": [1]}, "sizes: found (1,), allowed: at least 2 entries"),
    ({"rates": 1.0, "sizes": [1, 0]}, "sizes[1]: found 0, allowed: a number of at least 1"),
    ({"rates": [1, 2, 3]}, "rates: found 3 numbers, allowed: one or 1"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_python_and_files_refuse_the_same_in_the_same_words(fields, words):
    in_python = messages(lambda: Bowl(**fields))
    in_a_file = messages(lambda: read("test-bowls", {"kind": "bowl", **fields}))

    assert in_python.startswith(words)
    assert in_a_file == in_python


def test_every_field_that_does_not_fit_is_named():
    text = messages(lambda: Bowl(rates="x", dim=0, colour=1))

    assert [line.split(":")[0] for line in text.splitlines()] == ["rates", "dim", "colour"]


def test_errors_inside_an_inner_kind_keep_their_path():
    text = messages(
        lambda: read("test-bowls", {"kind": "within", "inner": {"kind": "within", "inner": {"kind": "bwl"}}})
    )

    assert text == "inner.inner.kind: found 'bwl', allowed: bowl, within, did you mean 'bowl'?"
    deep = {"kind": "within", "inner": {"kind": "bowl", "rates": 1, "sizes": [1, -1]}}
    assert messages(lambda: read("test-bowls", deep)).startswith("inner.sizes[1]: found -1")
    assert messages(lambda: Within(inner={"kind": "bowl"})) == "inner.rates: missing"
    assert messages(lambda: Within(inner=3)).startswith("inner: found 3, allowed: a kind of test-bowls: bowl")


def test_numbers_of_numpy_and_1e5_are_numbers():
    bowl = Bowl(np.float32(2.0), dim=np.int64(1), tilt=np.float64(0.5), sizes=np.array([3, 4]))

    assert (bowl.rates, bowl.dim, bowl.tilt, bowl.sizes) == (2.0, 1, 0.5, (3, 4))
    assert type(bowl.rates) is float
    assert type(bowl.dim) is int
    assert Bowl(1.0, dim=1e0).dim == 1
    assert Bowl(1, tilt=1).tilt == 1.0


def test_arrays_are_copies_that_can_not_be_written_to():
    rates = np.array([1.0, 2.0])

    bowl = Bowl(rates, dim=2)
    rates[0] = 5.0

    assert bowl.rates[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        bowl.rates[0] = 3.0


def test_plain_data_and_back_and_pickles_and_replace():
    for value in (Bowl([1.0, 2.0], dim=2, shape="flat"), Within(Bowl(3.0), 0.5), Within(Within(Bowl(1.0)))):
        again = read("test-bowls", dump(value))

        assert again == value
        assert hash(again) == hash(value)
        assert pickle.loads(pickle.dumps(value)) == value
        assert replace(value) == value
    assert Bowl(1.0) != Bowl(2.0)
    assert Bowl(1.0) != Within(Bowl(1.0))
    assert dump(Bowl([1, 2], dim=2))["rates"] == [1.0, 2.0]


def test_what_only_python_can_give_no_file_may_name():
    bowl = Bowl(1.0, given=np.ones(3))

    assert pickle.loads(pickle.dumps(bowl)) == bowl
    assert messages(lambda: read("test-bowls", {"kind": "bowl", "rates": 1, "given": 2})).startswith(
        "given: unknown field"
    )
    with pytest.raises(SdesimError, match="holds given"):
        dump(bowl)


def test_a_name_alone_stands_for_the_defaults_where_there_are_all():
    assert messages(lambda: read("test-bowls", "bowl")) == "rates: missing"
    assert messages(lambda: read("test-bowls", {"rates": 1})) == "kind: missing"
    assert messages(lambda: read("test-bowls", 7)).startswith("found 7, allowed: a kind of test-bowls")


def test_two_of_a_name_and_classes_that_are_not_frozen_are_refused():
    @dataclass(frozen=True)
    class Other:
        """Another."""

    with pytest.raises(SdesimError, match="two test-bowls are called 'bowl'"):
        kind("test-bowls", "bowl")(Other)
    with pytest.raises(SdesimError, match="frozen dataclass"):
        kind("test-bowls", "third")(dataclass(type("Loose", (), {})))


def test_too_many_fields_and_one_given_twice_are_errors_of_the_caller():
    with pytest.raises(TypeError, match="takes 6 fields"):
        Bowl(1, 2, "round", 0.1, (1, 2), None, 3)
    with pytest.raises(TypeError, match="rates twice"):
        Bowl(1.0, rates=2.0)


def test_a_docstring_gives_texts_source_and_example():
    words = documented(Bowl)

    assert words.first == "½ Σ rate x²."
    assert words.more == "The simplest there is."
    assert words.fields["rates"] == "λ, one for all or one each."
    assert words.source == "nobody."
    assert words.example == "{kind: bowl, rates: 2.0}"


def test_the_schema_of_a_kind_describes_its_fields_and_leaves_out_what_is_python_s():
    schema = linked(kind_schema("bowl", Bowl))

    assert schema["properties"]["kind"]["const"] == "bowl"
    assert schema["required"] == ["kind", "rates"]
    assert "given" not in schema["properties"]
    assert schema["properties"]["dim"] == {
        "type": "integer", "minimum": 1, "default": 1, "description": "number of coordinates.",
    }  # fmt: skip
    inner = linked(kind_schema("within", Within))["properties"]["inner"]
    assert inner["$ref"] == "#/$defs/test-bowls"


def test_code_beside_a_scenario_runs_only_where_it_is_trusted(tmp_path):
    (tmp_path / "kinds_of_mine.py").write_text(
        "from dataclasses import dataclass\nfrom typing import Annotated\nfrom annotated_types import Gt\n"
        "@dataclass(frozen=True)\nclass Cup:\n    '''A cup.'''\n    depth: Annotated[float, Gt(0)] = 1.0\n"
        "class Loose:\n    pass\nNUMBER = 3\n"
    )
    given = {"kind": "kinds_of_mine:Cup", "depth": 2.0}

    refused = messages(lambda: read("test-bowls", given))
    assert refused == (
        "kind: found 'kinds_of_mine:Cup', which runs the code of kinds_of_mine: "
        "allow it with --trust kinds_of_mine"
    )
    with trusting(["kinds_of_mine"], tmp_path):
        cup = read("test-bowls", given)
        assert cup.depth == 2.0
        assert dump(cup) == given
        wrong = messages(lambda: read("test-bowls", {**given, "depth": 0}))
        assert wrong == "depth: found 0, allowed: a number above 0"
        assert "has no class Saucer" in messages(lambda: read("test-bowls", {"kind": "kinds_of_mine:Saucer"}))
        assert "has no class NUMBER" in messages(lambda: read("test-bowls", {"kind": "kinds_of_mine:NUMBER"}))
        assert "is no kind of test-bowls" in messages(
            lambda: read("test-bowls", {"kind": "kinds_of_mine:Loose"})
        )
        assert pickle.loads(pickle.dumps(cup)) == cup
    with trusting(["nowhere_at_all"], tmp_path):
        text = messages(lambda: read("test-bowls", {"kind": "nowhere_at_all:X"}))
        assert "can't be found, neither beside the scenario" in text


def test_a_module_beside_a_scenario_that_hides_another_is_refused(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit\n")

    with trusting(["json"], tmp_path):
        text = messages(lambda: read("test-bowls", {"kind": "json:X"}))

    assert "has the name of a module that is loaded already" in text


@pytest.mark.parametrize("family", families())
def test_every_family_lists_and_imports_its_kinds(family):
    assert set(names_of(family)) == set(kinds_of(family))


@kind("test-words", "spoken")
@dataclass(frozen=True)
class Spoken:
    """A field and a method of one name.

    Args:
        loss: what it is.
    """

    loss_name: Literal["mse", "mae"] = field(default="mse", metadata={"called": "loss"})

    def loss(self) -> str:
        """Something else."""
        return self.loss_name * 2


def test_a_field_may_be_called_as_a_method_is():
    value = Spoken(loss="mae")

    assert value.loss() == "maemae"
    assert dump(value) == {"kind": "spoken", "loss": "mae"}
    assert read("test-words", dump(value)) == value == pickle.loads(pickle.dumps(value)) == replace(value)
    assert value != Spoken()
    assert messages(lambda: Spoken("x")).startswith("loss: found 'x', allowed: mse, mae")
    assert messages(lambda: Spoken(los="mse")) == "los: unknown field, did you mean 'loss'?"
    assert set(kind_schema("spoken", Spoken)["properties"]) == {"kind", "loss"}
