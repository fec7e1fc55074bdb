"""``dse parts`` and ``dse doctor``: what is known, and what is here."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from converter.errors import TargetError
from converter.parts import BOARDS, PARTS
from dse.commands.output import answer, answer_json, answer_table, number


def parts(arguments: argparse.Namespace) -> int:
    """List the parts and boards whose name holds the given text."""
    text = (arguments.name or "").lower()
    chosen = [p for p in PARTS.values() if text in p.name.lower()]
    boards = [b for b in BOARDS.values() if text in b.name or b.part in chosen]
    if not chosen and not boards:
        raise TargetError(f"{arguments.name}: in no part's or board's name; see: dse parts")
    if arguments.json:
        known = [{**asdict(p), "family": p.family.value} for p in chosen]
        answer_json(
            {"parts": known, "boards": [{"name": b.name, "part": b.part.name} for b in boards]}
        )
        return 0
    rows = [
        (
            p.short,
            p.family.value,
            *map(number, (p.lut, p.ff, p.dsp, p.bram_18k, p.uram)),
            str(p.slr_count),
            p.name,
        )
        for p in chosen
    ]
    if rows:
        columns = ("part", "family", "LUT", "FF", "DSP", "BRAM18", "URAM", "SLR", "full name")
        answer_table("Parts", columns, rows)
    if boards:
        answer_table("Boards", ("board", "part"), [(b.name, b.part.name) for b in boards])
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Say which tools are here, and how to get what is missing."""
    from dse.doctor import diagnose

    checks = diagnose()
    if arguments.json:
        answer_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            mark = "ok" if check.ok else "--"
            answer(f"{mark:3} {check.name:24} {check.version or ''}  {check.detail}".rstrip())
            if not check.ok:
                answer(f"    {'':24} {check.remedy}")
    return 0
