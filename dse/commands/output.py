"""How commands answer: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def say(text: str) -> None:
    """A line of progress, on stderr."""
    sys.stderr.write(text + "\n")


def answer(text: str) -> None:
    """A line of the answer, on stdout."""
    sys.stdout.write(text + "\n")


def answer_json(document: Any) -> None:
    """The whole answer as one JSON document on stdout."""
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


def answer_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; numbers (all columns but the first) to the right."""
    table = Table(box=None, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", no_wrap=position == 0)
    for row in rows:
        table.add_row(*map(Text, row))  # plain text: names may come from outside
    width = None if sys.stdout.isatty() else 160
    console = Console(file=sys.stdout, width=width, highlight=False)
    if title:
        console.print(Text(title, "bold"), soft_wrap=True)
    console.print(table)


def number(value: float | None, digits: int = 0) -> str:
    """A figure, or a dash where nobody measured it."""
    return "-" if value is None else f"{value:,.{digits}f}"
