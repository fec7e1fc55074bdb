"""The frameworks that the cases of conformance are built with."""

from __future__ import annotations

from types import ModuleType

import pytest

pytest.register_assert_rewrite("harness")


@pytest.fixture(
    params=[
        pytest.param("keras2", marks=pytest.mark.keras2),
        pytest.param("keras3", marks=pytest.mark.keras3),
    ]
)
def framework(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 2, and Keras 3; each skips where it is not installed."""
    return request.getfixturevalue(request.param)
