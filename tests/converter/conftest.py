"""The frameworks, imported only where a test asks for one of them."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Small model files with recorded outputs."""
    return Path(__file__).resolve().parents[1] / "fixtures"


@pytest.fixture(scope="session")
def open_headers() -> Path:
    """The vendors' open ap_types: DSE_AP_TYPES, or those in an installed hls4ml."""
    named = os.environ.get("DSE_AP_TYPES")
    if named:
        return Path(named)
    found = importlib.util.find_spec("hls4ml")
    if found is None or found.origin is None:
        pytest.skip("set DSE_AP_TYPES to the folder of the open ap_types headers (in hls4ml)")
    return Path(found.origin).parent / "templates" / "vivado" / "ap_types"


@pytest.fixture(scope="session")
def keras2() -> ModuleType:
    """Keras 2."""
    return _keras("2.")


@pytest.fixture(scope="session")
def keras3() -> ModuleType:
    """Keras 3."""
    return _keras("3.")


@pytest.fixture(scope="session")
def qkeras(keras2: ModuleType) -> ModuleType:
    """QKeras, on Keras 2."""
    return pytest.importorskip("qkeras")


def _keras(generation: str) -> ModuleType:
    try:
        found = version("keras")
    except PackageNotFoundError:
        found = "none"
    if not found.startswith(generation):
        pytest.skip(f"needs Keras {generation}x; installed: {found}")
    return pytest.importorskip("keras")
