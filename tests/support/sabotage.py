"""Takes a part of the program away, so that a test can show that it would notice."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

import usru_scenarios


def replace_everywhere(patch: pytest.MonkeyPatch, function: Callable[..., Any], other: Callable[..., Any]) -> None:
    """Put another function in the place of this one, in every module of the package that has it, under any name.

    All modules are imported before: one that is imported while the other function stands there would keep it.
    """
    for found in pkgutil.walk_packages(usru_scenarios.__path__, f"{usru_scenarios.__name__}."):
        if not found.name.endswith(".__main__"):
            import_module(found.name)
    places = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.partition(".")[0] == usru_scenarios.__name__
        for name, value in list(vars(module).items())
        if value is function
    ]
    assert places, "no module has it"
    for module, name in places:
        patch.setattr(module, name, other)
