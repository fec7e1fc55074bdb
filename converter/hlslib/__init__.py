"""Our C++ unit library: one header per unit, and in ``sim`` compact forms of the vendors'
``ap_fixed`` and ``hls::stream`` for g++. A header of another package is named
``package:file.h``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

_FOLDER = Path(__file__).parent
_INCLUDE = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)


@cache
def header(name: str) -> str:
    """Text of one header; its ``#pragma DSE`` lines are still to be put in a tool's dialect."""
    package, _, file = name.rpartition(":")
    folder = resources.files(package) if package else _FOLDER
    return (folder / file).read_text(encoding="utf-8")


def file_name(name: str) -> str:
    """What a header is called in a project: another package's has the package's name before it."""
    return re.sub(r"[^\w.]", "_", name)


@cache
def included(name: str) -> tuple[str, ...]:
    """Other headers of this folder that a header includes."""
    found = _INCLUDE.findall(header(name))
    return tuple(other for other in found if (_FOLDER / other).is_file())


def sim_headers(streams: bool) -> tuple[str, ...]:
    """Names of the headers that stand in for the vendors'."""
    return ("ap_int.h", "ap_fixed.h", *(["hls_stream.h"] if streams else []))


@cache
def sim_header(name: str) -> str:
    """Text of one header of ``sim``."""
    return (_FOLDER / "sim" / name).read_text(encoding="utf-8")
