"""The frameworks, imported only where a test asks for one of them."""

from __future__ import annotations

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
