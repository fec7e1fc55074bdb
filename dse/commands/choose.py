"""``dse pick``."""

from __future__ import annotations

import argparse

from dse.commands.output import answer
from dse.pick import pick as pick_design


def pick(arguments: argparse.Namespace) -> int:
    """Write one design of the front, ready to integrate."""
    out = pick_design(
        arguments.run, arguments.out, arguments.id, tuple(arguments.limit), arguments.prefer
    )
    answer(f"{out}: start with {out / 'README.md'}")
    return 0
