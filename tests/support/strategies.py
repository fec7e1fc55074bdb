"""What hypothesis draws for tests of fixed-point arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from converter.types import Fixed, Overflow, Rounding


@st.composite
def fixed_types(
    draw: st.DrawFn,
    width: int = 12,
    signed: bool | None = None,
    *,
    beyond: int = 3,
    roundings: Sequence[Rounding] = (Rounding.TRN,),
    overflows: Sequence[Overflow] = (Overflow.WRAP,),
) -> Fixed:
    """Types of up to ``width`` bits, whose binary point lies at most ``beyond`` bits outside of
    them. ``signed``: None for both; WRAP_SM, which needs a sign, has one in any case.
    """
    bits, overflow = draw(st.integers(1, width)), draw(st.sampled_from(overflows))
    sign = draw(st.booleans()) if signed is None else signed
    sign = sign or overflow is Overflow.WRAP_SM
    integer = draw(st.integers(-beyond, bits + beyond))
    return Fixed(bits, integer, sign, draw(st.sampled_from(roundings)), overflow)
