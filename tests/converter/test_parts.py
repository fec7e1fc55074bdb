"""Parts: look-up by every name, refusals, and the figures against vendors' own reports."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from converter.errors import TargetError
from converter.parts import BOARDS, PARTS, find_part, target
from converter.timing import Family


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("xcvu9p", "xcvu9p-flga2104-2L-e"),
        ("XCVU9P", "xcvu9p-flga2104-2L-e"),
        ("vu9p", "xcvu9p-flga2104-2L-e"),
        ("xcvu9p-flga2104-2l-e", "xcvu9p-flga2104-2L-e"),
        ("xcvu9p-flgb2104-2-i", "xcvu9p-flgb2104-2-i"),
        ("XCVU9P-FLGB2104-2-I", "xcvu9p-flgb2104-2-i"),
        ("xc7z020-clg400-1", "xc7z020clg400-1"),
        ("xc7z020clg484-2", "xc7z020clg484-2"),
        ("xc7a200tl-ffg1156-2L", "xc7a200tlffg1156-2L"),
        ("xc7a35ticsg324-1L", "xc7a35ticsg324-1L"),
        ("pynq-z2", "xc7z020clg400-1"),
        ("Alveo-U250", "xcu250-figd2104-2L-e"),
        (" zcu102 ", "xczu9eg-ffvb1156-2-e"),
        ("kria-kv260", "xck26-sfvc784-2LV-c"),
        ("xcvc1902", "xcvc1902-vsva2197-2MP-e-S"),
        ("xcvc1902-vsvd1760-2mp-e-s", "xcvc1902-vsvd1760-2MP-e-S"),
        ("lfe5um5g-85f", "LFE5UM5G-85F-8BG381C"),
        ("LFE5U-25F-8MG285I", "LFE5U-25F-8MG285I"),
        ("lfe5um-45f-7bg554c", "LFE5UM-45F-7BG554C"),
        ("ULX3S-85F", "LFE5U-85F-6BG381C"),
    ],
)
def test_find(text: str, name: str) -> None:
    assert find_part(text).name == name


def test_another_package_has_the_same_device() -> None:
    usual, other = find_part("xcvu13p"), find_part("xcvu13p-fhga2104-3-e")
    assert other.name == "xcvu13p-fhga2104-3-e"
    assert (other.short, other.lut, other.slr_count) == (usual.short, usual.lut, 4)


def test_unknown_part_names_the_nearest() -> None:
    with pytest.raises(TargetError, match=r"^xcvu99p: no such part .* nearest: xcvu9p") as caught:
        find_part("xcvu99p")
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "foo", "xcvu9p-", "xcvu9p-2", "xcvu9pflga", "xcvu9p; rm", "lfe5u", "lfe5u-25f-9bg381c",
        "lfe5um5g-85f-6bg381c", "lfe5u-25f-6xx381c",
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match="no such part or board is known"):
        find_part(text)


def test_target() -> None:
    found = target("xcku040", 4.0)
    assert (found.family, found.clock_period_ns) == (Family.ULTRASCALE, 4.0)
    with pytest.raises(TargetError, match=r"from 1 to 1000 ns, 0.005 was given"):
        target("xcku040", 0.005)
    with pytest.raises(TargetError, match="nan was given"):
        target("xcku040", float("nan"))


def test_catalogue_is_sound() -> None:
    for short, part in PARTS.items():
        assert short == part.short == short.lower()
        assert part.name.lower().startswith(short)
        assert find_part(part.name) == part
        assert find_part(short) is part
        per_lut = 1 if part.family is Family.ECP5 else 2
        assert part.ff == per_lut * part.lut, "two flip-flops per LUT of AMD's families"
        assert min(part.lut, part.dsp, part.bram_18k, part.slr_count) > 0
        assert part.bram_18k % 2 == 0, "a 36 Kb tile is two halves"
        assert part.uram == 0 or part.family in (Family.ULTRASCALE_PLUS, Family.VERSAL)


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_boards_have_a_full_part_name(name: str) -> None:
    assert re.search(r"[a-z]\d{3,4}-\d|-\d[A-Z]{2}\d{3}C", BOARDS[name].part.name)


def _available(root: ET.Element, *tags: str) -> int:
    found = [root.findtext(f".//AvailableResources/{tag}") for tag in tags]
    return int(next((f for f in found if f is not None), 0))


def test_figures_agree_with_csynth_reports(shared: Path) -> None:
    checked = set()
    for path in sorted((shared / "reports").rglob("*csynth*.xml")):
        root = ET.parse(path).getroot()
        part = find_part(str(root.findtext(".//Part")))
        assert part.lut == _available(root, "LUT")
        assert part.ff == _available(root, "FF")
        assert part.dsp == _available(root, "DSP", "DSP48E")
        assert part.bram_18k == _available(root, "BRAM_18K")
        assert part.uram == _available(root, "URAM")
        checked.add(part.short)
    assert len(checked) >= 6


@pytest.mark.parametrize(
    ("row", "value"), [("CLB LUTs*", "lut"), ("CLB Registers", "ff"), ("DSPs", "dsp")]
)
def test_figures_agree_with_a_utilisation_report(shared: Path, row: str, value: str) -> None:
    text = (shared / "reports" / "vivado_synth_berk.rpt").read_text()
    cells = next(line for line in text.splitlines() if line.startswith(f"| {row} ")).split("|")
    assert int(cells[4]) == getattr(find_part("xcku15pffve1517-1"), value)
