"""The README's table of what is read is that of the registries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from converter.layers import READERS
from converter.supported import supported, table

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- supported: made by `python -m converter.supported`, checked by a test -->\n"
END = "<!-- supported: end -->\n"


def test_the_readme_has_the_table_of_the_registries():
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    found, after = rest.split(END)
    if os.environ.get("DSE_UPDATE_GOLDEN") == "1":
        README.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")
        found = table()
    assert found == table()


def test_every_class_is_in_the_table_once():
    kinds = {kind: names for kind, names in supported().items() if kind.endswith(" layers")}
    listed = sum(len(names) for names in kinds.values())
    spellings = {name.removeprefix("HGQ>") for name in READERS}  # two of HGQ's come without, too
    assert listed == len(spellings)
    assert all(kinds.values())


def test_it_can_be_printed():
    command = [sys.executable, "-m", "converter.supported"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == table()
