"""The verb explain: a kind with its fields, and what is no kind."""

import json

from tests.commands.calling import call


def test_a_kind_is_explained_with_its_fields_and_an_example(capsys):
    assert call("explain", "schemes/baoab") == 0

    said = capsys.readouterr().out
    assert said.startswith("baoab (schemes): ")
    assert "friction  number above 0; default 1. " in said
    assert "\nExample\n  " in said


def test_as_json_it_is_the_same_for_machines(capsys):
    assert call("explain", "noises/gaussian", "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["family"], found["kind"]) == ("noises", "gaussian")
    assert "diffusion" in [field["name"] for field in found["fields"]]


def test_a_name_that_is_no_kind_is_bad_input_with_the_nearest(capsys):
    assert call("explain", "gausian") == 2

    assert "found 'gausian', no kind of that name, did you mean 'gaussian'?" in capsys.readouterr().err
