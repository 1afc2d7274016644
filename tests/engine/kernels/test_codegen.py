"""The text of the module that steps one combination of surface, noises and scheme."""

import ast

from sdesim import noise, schemes, surfaces
from sdesim.engine.kernels.codegen import combination_source

BOWL = surfaces.Quadratic([1.0, 2.0]).kernel()


def source(*noises, scheme="EulerMaruyama", **options):
    kernels = [n.kernel(2, 0.1, 0.1) for n in noises]
    return combination_source(BOWL, kernels, getattr(schemes, scheme)(), **options)


def functions(text):
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]


def test_a_combination_is_the_same_text_each_time_and_another_for_other_parts():
    gaussian, stable = noise.Gaussian(diffusion=0.1), noise.Stable(1.5, 0.1)

    assert source(gaussian) == source(noise.Gaussian(diffusion=0.2))
    assert len({source(gaussian), source(stable), source(gaussian, scheme="Heun"), source()}) == 4


def test_every_noise_is_filled_once_and_only_what_is_needed_is_imported():
    text = source(noise.Gaussian(diffusion=0.1), noise.Stable(1.5, 0.1))

    assert {"fill", "coordinate_noise", "noise_at", "prepare"} <= set(functions(text))
    assert text.count(" as fill_additive_0\n") == text.count(" as fill_additive_1\n") == 1
    assert " as hvp\n" not in text
    assert " as hvp\n" in source(tangent=True)
