"""Kinds and their registry: one frozen dataclass in one file for each surface, noise, scheme and so on.

A kind's fields with their bounds are its constructor in Python, what a scenario file may say of it, its JSON
Schema, its row in the docs and its place in the contract tests.
"""

from sdesim.kinds.documents import documented as documented
from sdesim.kinds.fields import InCode as InCode
from sdesim.kinds.fields import Numbers as Numbers
from sdesim.kinds.fields import PathTo as PathTo
from sdesim.kinds.misfit import Misfit as Misfit
from sdesim.kinds.nested import OneOf as OneOf
from sdesim.kinds.nested import Settings as Settings
from sdesim.kinds.numbers import Array as Array
from sdesim.kinds.plain import dump as dump
from sdesim.kinds.plain import read as read
from sdesim.kinds.registry import adopter as adopter
from sdesim.kinds.registry import class_of as class_of
from sdesim.kinds.registry import families as families
from sdesim.kinds.registry import is_kind as is_kind
from sdesim.kinds.registry import kind as kind
from sdesim.kinds.registry import kinds_of as kinds_of
from sdesim.kinds.registry import names_of as names_of
from sdesim.kinds.trust import base_folder as base_folder
from sdesim.kinds.trust import trusting as trusting

__all__ = [
    "Array",
    "InCode",
    "Misfit",
    "Numbers",
    "OneOf",
    "PathTo",
    "Settings",
    "adopter",
    "base_folder",
    "class_of",
    "documented",
    "dump",
    "families",
    "is_kind",
    "kind",
    "kinds_of",
    "names_of",
    "read",
    "trusting",
]
