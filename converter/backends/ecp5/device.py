"""What nextpnr and its family call an ECP5 part."""

from __future__ import annotations

import re
from dataclasses import dataclass

from converter.errors import TargetError
from converter.parts import find_part
from converter.timing import Family, Target

PACKAGES = {
    "bg256": "CABGA256",
    "bg381": "CABGA381",
    "bg554": "CABGA554",
    "bg756": "CABGA756",
    "mg285": "CSFBGA285",
    "tg144": "TQFP144",
}
"""nextpnr's names of packages, by the letters in an ordering name."""

_NAME = re.compile(r"lfe5(u|um|um5g)-(\d\d)f-([678])([a-z]{2}\d{3})[ci]?")


@dataclass(frozen=True)
class Device:
    """An ECP5 as nextpnr's options: ``model`` is ``um5g-85k``, ``speed`` 6, 7 or 8."""

    model: str
    package: str
    speed: str

    def options(self) -> tuple[str, ...]:
        """For nextpnr's command line."""
        return (f"--{self.model}", "--package", self.package, "--speed", self.speed)


def device_of(target: Target) -> Device:
    """The device of a target. Raises TargetError where it is no ECP5."""
    if target.family is not Family.ECP5:
        raise TargetError(
            f"{target.part}: the backend ecp5 builds for Lattice ECP5 parts, such as "
            "lfe5um5g-85f; for others there are yosys, vitis and vivado"
        )
    found = _NAME.fullmatch(find_part(target.part).name.lower())
    if found is None:
        raise TargetError(f"{target.part}: is not spelt like an ECP5 part: LFE5U-25F-6BG381C")
    kind, size, speed, package = found.groups()
    model = f"{kind}-{size}k" if kind != "u" else f"{size}k"
    return Device(model, PACKAGES[package], speed)
