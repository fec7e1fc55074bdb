"""Scripts of Yosys: which steps a piece of Verilog needs, and their text.

A step that finds nothing to do still takes time: a piece without multipliers and memories, as
unrolled products and most element-wise units are, goes through two thirds of the full script in
as many seconds, and to counts within 0.5 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources

from converter.rtl.module import fill

BOXES = ("nn_mult_27x18", "nn_mult_27x24")
"""Modules of ``rtllib`` that stand for one DSP block each, and are left as they are."""

_PRODUCT = re.compile(r"^(?!\s*(?:localparam|parameter|for)\b).*[\w)] \* [\w$(]", re.MULTILINE)
_INDEX = re.compile(r"\[[^\[\]]*\]")
_MEMORY = re.compile(r"^\s*reg\b[^;=\n]*\]\s*\w+\s*\[", re.MULTILINE)
_SMALL_ROM = re.compile(r'rom_style = "logic"')
_BLOCK = re.compile(r'\b(?:ram|rom)_style = "block"')


class Memories(IntEnum):
    """What memories there may be, each with those before it."""

    NONE = 0
    SMALL_ROM = 1
    LUT_RAM = 2
    BLOCK_RAM = 3


@dataclass(frozen=True)
class Needs:
    """What some Verilog may hold; too much costs time only."""

    multipliers: bool
    memories: Memories


def needs(texts: Iterable[str], parameters: Mapping[str, str] | None = None) -> Needs:
    """Read off the text of modules, their library included; ``parameters``: of the top one."""
    texts = tuple(texts)
    memories = max(map(_memories, texts), default=Memories.NONE)
    if (parameters or {}).get("BLOCK") == "0":  # a FIFO in LUTs
        memories = min(memories, Memories.LUT_RAM)
    return Needs(any(_PRODUCT.search(_INDEX.sub("", text)) for text in texts), memories)


def _memories(text: str) -> Memories:
    if _BLOCK.search(text):
        return Memories.BLOCK_RAM
    found = len(_MEMORY.findall(text))
    if found > len(_SMALL_ROM.findall(text)):
        return Memories.LUT_RAM
    return Memories.SMALL_ROM if found else Memories.NONE


def script(top: str, read: str, need: Needs, parameters: Mapping[str, str], netlist: bool) -> str:
    """Synthesis of the module ``top`` after the commands ``read``, to ``stat.json`` and
    ``cells.tmp``, and to ``netlist.v`` where a ``netlist`` is wanted.
    """
    values = {
        "TOP": top,
        "READ": read,
        "PARAMETERS": "".join(f"-chparam {k} {v} " for k, v in parameters.items()),
        "MULTIPLIERS": fill(_MULTIPLIERS, {"TOP": top}) if _full(need) else _NO_MULTIPLIERS,
        "MEMORIES": fill(_MEMORY_STEPS[need.memories], {"TOP": top}),
        "NETLIST": "write_verilog -noattr -noexpr netlist.v" if netlist else "",
    }
    return fill(text_file("synth.ys.in"), values)


def _full(need: Needs) -> bool:
    """Block RAM takes registers, which it finds before multipliers do."""
    return need.multipliers or need.memories is Memories.BLOCK_RAM


def text_file(name: str) -> str:
    """A file beside this one."""
    return (resources.files(__package__) / name).read_text(encoding="ascii")


_MULTIPLIERS = """\
opt -nodffe -nosdff
wreduce
opt_clean

# multipliers, with the registers and adders around them
synth_xilinx -family xc7 -noiopad -noclkbuf -top @TOP@ -run map_dsp:coarse
"""

_NO_MULTIPLIERS = """\
select -assert-none t:$mul
"""

_NO_MEMORIES = """\
select -assert-none t:$mem_v2 t:$memrd_v2 t:$memwr_v2
"""

_SMALL_ROMS = """\
memory -nomap
opt_clean
opt -fast -full
memory_map
opt
"""

_LUT_RAMS = """\
# the address of a memory in LUTs is not clocked: no registers are to be merged with it
memory -nordff -nomap
opt_clean

# memories
memory_libmap -lib +/xilinx/lutrams_xc5v.txt
techmap -map +/xilinx/lutrams_xc5v_map.v
opt -fast -full
memory_map
opt
"""

_BLOCK_RAMS = """\
memory -nomap
opt_clean

# memories
synth_xilinx -family xc7 -noiopad -noclkbuf -top @TOP@ -run map_memory:fine
opt
"""

_MEMORY_STEPS = {
    Memories.NONE: _NO_MEMORIES,
    Memories.SMALL_ROM: _SMALL_ROMS,
    Memories.LUT_RAM: _LUT_RAMS,
    Memories.BLOCK_RAM: _BLOCK_RAMS,
}
