"""What is here for the tool to work with, what is missing, and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from converter import process
from converter.backends import amd_tools
from converter.backends.ecp5 import tools as ecp5_tools
from converter.errors import ToolError
from converter.rtl.engines import find_compiler, find_cxxrtl

PYTHONS = ((3, 10), (3, 13))
"""First and last version of Python that is supported."""

LIBRARIES = ("numpy", "h5py", "jinja2", "pandas", "psutil", "pyyaml", "rich", "scipy")

FREE_DISK_BYTES = 5 << 30
"""A vendor's project takes 50 to 500 MB while it runs."""

SHARED_MEMORY_BYTES = 1 << 30
OPEN_FILES = 1024

LICENCE_VARIABLES = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_AMD = "https://www.xilinx.com/support/download.html"


@dataclass(frozen=True)
class Check:
    """One finding. ``detail``: where it is, or what a run cannot do without it.

    ``remedy``: how to get it; empty where all is well.
    """

    name: str
    ok: bool
    version: str | None
    detail: str
    remedy: str = ""


def diagnose(folder: Path | None = None) -> list[Check]:
    """All checks, in the order to read them; ``folder`` is where runs go (default: here)."""
    found = [_python(), _libraries()]
    found += [_package(*row) for row in _PACKAGES]
    found += [_yosys(), _nextpnr(), _compiler(), _simulator()]
    found += [_vivado_hls(), _vitis_hls(), _vivado(), _licence(), _chromium()]
    return [*found, _disk(folder or Path.cwd()), _shared_memory(), _open_files()]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    spelled = [".".join(map(str, v)) for v in PYTHONS]
    remedy = "" if ok else f"use Python {spelled[0]} to {spelled[1]}"
    return Check("Python", ok, version, sys.executable, remedy)


def _libraries() -> Check:
    missing = [name for name in LIBRARIES if _installed(name) is None]
    if missing:
        text = f"missing: {', '.join(missing)}; nothing works without them"
        return Check("libraries", False, None, text, f"pip install {' '.join(missing)}")
    return Check("libraries", True, None, ", ".join(f"{n} {_installed(n)}" for n in LIBRARIES))


_PACKAGES = (
    ("optuna", "no `dse run`: it does the search"),
    ("ray", "runs stay in one process and on one machine"),
    ("mlflow", "no tracking and no `dse ui`; runs/ has everything in files"),
)
"""Package, and what is not possible without it."""


def _package(name: str, without: str) -> Check:
    version = _installed(name)
    if version is None:
        return Check(name, False, None, without, f"pip install {name}")
    return Check(name, True, version, "")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _yosys() -> Check:
    without = "no synthesis without a vendor's tool: figures stay estimates"
    if util.find_spec("pyosys") is not None:
        return _pyosys(without)
    path = shutil.which("yosys")
    if path:
        return _asked("yosys", path, "-V", without)
    return Check("yosys", False, None, without, "pip install pyosys")


def _pyosys(without: str) -> Check:
    """Load it in another process: a wheel for another machine can end the one it is loaded in."""
    load = [sys.executable, "-c", "from pyosys import libyosys"]
    outcome = process.run(load, Path(sys.prefix), timeout_s=60)
    if outcome.status == "ok":
        return Check("yosys", True, _installed("pyosys"), "the Python package pyosys")
    detail = f"pyosys does not load ({_last_line(outcome.log_tail)}); {without}"
    return Check(
        "yosys", False, _installed("pyosys"), detail, "pip install --force-reinstall pyosys"
    )


def _nextpnr() -> Check:
    """Place and route of ECP5 parts, and ecppack, which makes the bitstream."""
    router = ecp5_tools.find_router()
    if router is None:
        without = "no `--stage route` and no bitstream for Lattice ECP5"
        return Check("nextpnr-ecp5", False, None, without, ecp5_tools.INSTALL)
    return Check("nextpnr-ecp5", True, router.version, f"{router.nextpnr}; {router.ecppack}")


def _compiler() -> Check:
    """Any that `csim` takes."""
    without = "generated C++ is not compiled: `dse predict --engine csim` and the check of "
    without += "promoted designs' bits are left out"
    for name in ("g++", "c++", "clang++"):
        path = shutil.which(name)
        if path:
            return _asked("g++", path, "--version", without)
    return Check("g++", False, None, without, "apt-get install g++")


def _simulator() -> Check:
    """Verilator first, then Yosys' cxxrtl: what the engine ``rtl`` can use."""
    without = "generated Verilog is not simulated: no `dse predict --engine rtl`"
    path = shutil.which("verilator")
    if path and find_compiler():
        return _asked("verilator", path, "--version", without)
    if find_compiler() and find_cxxrtl():
        detail = "not here; Yosys' cxxrtl stands in, which is slower for large networks"
        return Check("verilator", True, None, detail)
    return Check("verilator", False, None, without, "apt-get install verilator g++")


def _asked(name: str, path: str, option: str, without: str) -> Check:
    """Start a program for its version: one that is there may still be broken."""
    try:
        outcome = process.run([path, option], Path(path).parent, timeout_s=30)
    except ToolError as error:
        return Check(name, False, None, f"{path}: {error}", f"mend or reinstall {name}")
    told = _VERSION.search(outcome.log_tail)
    if outcome.status != "ok":
        detail = f"{path} {option} fails ({_last_line(outcome.log_tail)}); {without}"
        return Check(name, False, None, detail, f"mend or reinstall {name}")
    return Check(name, True, told[0] if told else None, path)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def _vivado_hls() -> Check:
    return _amd("Vivado HLS", ("vivado_hls",), "the backend vivado", "Vivado 2020.1 or older")


def _vitis_hls() -> Check:
    return _amd(
        "Vitis HLS", ("vitis-run", "vitis_hls"), "the backend vitis", "Vitis 2020.2 or newer"
    )


def _vivado() -> Check:
    return _amd("Vivado", ("vivado",), "`--stage logic` and `--stage route` of AMD's", "Vivado")


def _amd(name: str, programs: tuple[str, ...], what: str, product: str) -> Check:
    found = [i for program in programs for i in amd_tools.installed(program)]
    working = [i for i in found if not i.problem]
    variables = {v for program in programs for v in amd_tools.VARIABLES[program]}
    way = f"install {product} ({_AMD}) and put its bin folder on PATH or set "
    remedy = way + " or ".join(sorted(variables))
    if not found:
        return Check(name, False, None, f"{what} cannot be used", remedy)
    if not working:
        broken = found[0]
        return Check(
            name, False, broken.version or None, f"{broken.path}: {broken.problem}", remedy
        )
    best = max(working, key=lambda i: amd_tools.version_number(i.version))
    others = [f"{i.version} is broken: {i.problem}" for i in found if i.problem]
    return Check(name, True, best.version, "; ".join([str(best.path), *others]))


def _licence() -> Check:
    """Whether a licence would be looked for; only the tool itself can tell if it gets one."""
    given = {v: os.environ[v] for v in LICENCE_VARIABLES if os.environ.get(v)}
    if given:
        detail = ", ".join(f"{name}={value}" for name, value in given.items())
        return Check("AMD licence", True, None, detail)
    home = Path.home() / ".Xilinx"
    files = sorted(home.glob("*.lic")) if home.is_dir() else []
    if files:
        return Check("AMD licence", True, None, ", ".join(map(str, files)))
    return Check(
        "AMD licence",
        False,
        None,
        "neither variable nor file; large parts cannot be synthesised by Vivado without one",
        f"set {LICENCE_VARIABLES[0]} to port@server or a .lic file",
    )


def _chromium() -> Check:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if shutil.which(name):
            return _asked("chromium", str(shutil.which(name)), "--version", "")
    detail = "only tests of the pages need it; any browser shows them"
    return Check("chromium", False, None, detail, "apt-get install chromium")


def _disk(folder: Path) -> Check:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("disk", False, None, f"{folder}: {error.strerror}", "choose another --out")
    return _amount("disk", free, FREE_DISK_BYTES, f"{folder}", "free some space, or choose --out")


def _shared_memory() -> Check:
    folder = Path("/dev/shm")  # noqa: S108  it is what Ray uses
    if not folder.is_dir():
        return Check("shared memory", True, None, "no /dev/shm on this system; Ray uses files")
    remedy = "in a container: --shm-size=2g; Ray works without, but slowly"
    return _amount(
        "shared memory", shutil.disk_usage(folder).free, SHARED_MEMORY_BYTES, f"{folder}", remedy
    )


def _amount(name: str, free: int, needed: int, where: str, remedy: str) -> Check:
    detail = f"{free / (1 << 30):.1f} GiB free in {where}"
    if free >= needed:
        return Check(name, True, None, detail)
    return Check(name, False, None, f"{detail}; {needed >> 30} GiB should be", remedy)


def _open_files() -> Check:
    limit = _soft_limit()
    if limit is None or limit >= OPEN_FILES:
        return Check("open files", True, None, f"limit {limit or 'none'}")
    return Check(
        "open files", False, None, f"limit {limit}; Ray needs more", f"ulimit -n {64 * OPEN_FILES}"
    )


def _soft_limit() -> int | None:
    """The limit of open files; None where there is none, or the system has no such thing."""
    try:
        import resource
    except ImportError:
        return None
    get: Callable[[int], tuple[int, int]] = resource.getrlimit
    soft = get(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft
