"""Work in threads of this process: no Ray, nothing to start, nothing to stop.

Threads suffice: evaluation is numpy, which releases the interpreter, and synthesis
is a supervised child process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converter.errors import ConfigError
from converter.process import CANCEL
from dse.executors.base import EVALUATE, SYNTHESISE, Executor, Kind
from dse.executors.slots import CancelToken, Slots


def call_here(
    kind: Kind, call: Callable[..., Any], args: tuple[Any, ...], token: CancelToken
) -> Any:
    """Make a call in this thread; ``cancel_event()`` is the token's meanwhile."""
    del kind
    before = CANCEL.set(token.event)
    try:
        return call(*args)
    finally:
        CANCEL.reset(before)


def make_inline(workers: int, synth_jobs: int, address: str | None = None) -> Executor:
    """``workers`` evaluations and ``synth_jobs`` syntheses at once; ``address`` must be None."""
    if address is not None:
        raise ConfigError(
            f"--ray-address {address}: the inline executor joins no cluster; use the executor ray"
        )
    return Slots({EVALUATE: workers, SYNTHESISE: synth_jobs}, call_here)
