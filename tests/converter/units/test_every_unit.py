"""No unit is without any of its views."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import is_dataclass

import converter.units

VIEWS = ("emulate", "bounds", "legal", "check", "hls", "hls_stream", "actor", "facts", "rtl")


def units() -> dict[str, type]:
    found = {}
    for info in pkgutil.iter_modules(converter.units.__path__):
        module = importlib.import_module(f"converter.units.{info.name}")
        for name, kind in vars(module).items():
            own = isinstance(kind, type) and kind.__module__ == module.__name__
            if own and is_dataclass(kind) and hasattr(kind, "emulate"):
                found[name] = kind
    return found


def test_every_unit_has_verilog_of_both_io_types() -> None:
    found = units()
    assert len(found) >= 17
    for name, kind in found.items():
        missing = [view for view in (*VIEWS, "processes") if not hasattr(kind, view)]
        assert not missing, f"{name}: has no {missing}"
        assert not getattr(kind, "__abstractmethods__", None), name
