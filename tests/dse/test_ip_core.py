"""A picked design's Verilog as an IP core: its metadata, its Tcl, and the Verilog agree."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

import converter
from converter.config import HLSConfig
from converter.graph import IOType, TypedGraph
from converter.parts import target
from converter.process import run
from converter.yosys import find_yosys
from dse.ip_core import FAMILIES, ip_core, ip_files

TESTS = Path(__file__).resolve().parents[1]
TARGET = target("xcvu9p", 4.0)
SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
XILINX = "{http://www.xilinx.com}"

ORDER = {
    "component": "vendor library name version busInterfaces model fileSets description parameters "
    "vendorExtensions",
    "busInterface": "name busType abstractionType slave master portMaps parameters",
    "portMap": "logicalPort physicalPort",
    "model": "views ports",
    "view": "name displayName envIdentifier language modelName fileSetRef",
    "port": "name wire",
    "wire": "direction vector wireTypeDefs",
    "vector": "left right",
    "wireTypeDef": "typeName viewNameRef",
    "fileSet": "name file",
    "file": "name fileType userFileType",
    "parameter": "name value",
}
"""IEEE 1685-2009's sequences of elements, of those that are used here."""


def network(io_type: IOType) -> TypedGraph:
    graph = converter.load(TESTS / "fixtures" / "keras2.h5")
    return converter.apply(graph, HLSConfig(io_type=io_type))


@pytest.fixture(scope="module", params=list(IOType), ids=lambda io: io.value)
def core_folder(request, tmp_path_factory):
    """A core on disk, as ``dse pick`` writes it."""
    typed = network(request.param)
    return written(typed, tmp_path_factory.mktemp("core"))


def written(typed: TypedGraph, folder: Path) -> Path:
    project = converter.project(typed, "yosys", TARGET)
    project.write(folder)
    for name, text in ip_files(ip_core(typed, TARGET, project.files)).items():
        (folder / name).write_text(text)
    return folder


def component(folder: Path) -> ET.Element:
    return ET.parse(folder / "component.xml").getroot()


def texts(root: ET.Element, path: str) -> list[str]:
    return [e.text or "" for e in root.findall("/".join(f"{SPIRIT}{p}" for p in path.split("/")))]


def test_the_metadata_follow_the_standards_sequences(core_folder: Path) -> None:
    seen = set()
    for element in component(core_folder).iter():
        name = element.tag.removeprefix(SPIRIT)
        if name not in ORDER:
            continue
        seen.add(name)
        order = ORDER[name].split()
        children = [child.tag.removeprefix(SPIRIT) for child in element]
        assert set(children) <= set(order), name
        assert children == sorted(children, key=order.index), name
    assert seen == set(ORDER)
    address = [component(core_folder).findtext(f"{SPIRIT}{k}") for k in ("vendor", "name")]
    assert address == ["nn_fpga_dse", "dense"]
    assert component(core_folder).findtext(f"{SPIRIT}version") == "1.0"


def test_every_port_is_in_the_verilog_with_its_width(core_folder: Path) -> None:
    yosys = find_yosys()
    if yosys is None:
        pytest.skip("needs Yosys")
    sources = texts(component(core_folder), "fileSets/fileSet/file/name")
    reads = [f"read_verilog -defer {f}" for f in sorted(set(sources)) if f.startswith("rtl/")]
    lines = [*reads, "hierarchy -check -top dense", "proc", "write_json ports.json"]
    (core_folder / "ports.ys").write_text("\n".join([*lines, ""]))
    assert run(yosys.argv("ports.ys"), core_folder, timeout_s=100).status == "ok"
    modules = json.loads((core_folder / "ports.json").read_text())["modules"]
    (top,) = (m for m in modules.values() if "top" in m["attributes"])
    built = {n: (p["direction"], len(p["bits"])) for n, p in top["ports"].items()}
    told = {}
    for port in component(core_folder).iter(f"{SPIRIT}port"):
        left = port.findtext(f".//{SPIRIT}left")
        way = {"in": "input", "out": "output"}[port.findtext(f".//{SPIRIT}direction") or ""]
        told[port.findtext(f"{SPIRIT}name")] = (way, 1 if left is None else int(left) + 1)
    assert told == built


def test_interfaces_are_whole(core_folder: Path) -> None:
    ports = set(texts(component(core_folder), "model/ports/port/name"))
    kinds: dict[str, list[str]] = {}
    for bus in component(core_folder).iter(f"{SPIRIT}busInterface"):
        (kind,) = (t.get(f"{SPIRIT}name") for t in bus.findall(f"{SPIRIT}busType"))
        logical = set(texts(bus, "portMaps/portMap/logicalPort/name"))
        physical = set(texts(bus, "portMaps/portMap/physicalPort/name"))
        assert physical <= ports
        mode = "master" if bus.find(f"{SPIRIT}master") is not None else "slave"
        kinds.setdefault(f"{kind} {mode}", []).append(bus.findtext(f"{SPIRIT}name") or "")
        if kind == "axis":
            wanted = {"TDATA", "TVALID", "TREADY", *(["TLAST"] if mode == "master" else [])}
            assert logical == wanted
        ports -= physical
    streams = "axis slave" in kinds
    assert kinds["clock slave"] == ["clk"]
    assert kinds["reset slave"] == ["rst"]
    assert not (streams and ports), "every port belongs to an interface"
    if streams:
        assert (len(kinds["axis slave"]), len(kinds["axis master"])) == (1, 1)
        values = dict(parameters(component(core_folder), "clk"))
        assert values["ASSOCIATED_BUSIF"].split(":") == kinds["axis slave"] + kinds["axis master"]
        assert (values["ASSOCIATED_RESET"], values["FREQ_HZ"]) == ("rst", "250000000")


def parameters(root: ET.Element, bus: str) -> list[tuple[str, str]]:
    for found in root.iter(f"{SPIRIT}busInterface"):
        if found.findtext(f"{SPIRIT}name") == bus:
            names = texts(found, "parameters/parameter/name")
            return list(zip(names, texts(found, "parameters/parameter/value"), strict=True))
    raise AssertionError(bus)


def test_every_file_is_there_and_every_view_has_its_set(core_folder: Path) -> None:
    root = component(core_folder)
    named = set(texts(root, "fileSets/fileSet/file/name"))
    assert all((core_folder / name).is_file() for name in named)
    rtl = {f"rtl/{p.name}" for p in (core_folder / "rtl").iterdir()}
    sim = {"sim/testbench.v", *(f"sim/vectors/{p.name}" for p in core_folder.glob("sim/vectors/*"))}
    assert named == rtl | sim | {"constraints.xdc"}
    sets = texts(root, "fileSets/fileSet/name")
    assert texts(root, "model/views/view/fileSetRef/localName") == sets
    families = [e.text for e in root.iter(f"{XILINX}family")]
    assert families == list(FAMILIES)


def packaged(folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("tclsh") is None:
        pytest.skip("needs tclsh")
    fake = TESTS / "fake_tools" / "ipx.tcl"
    argv = ["tclsh", str(fake), str(folder / "package_ip.tcl")]
    return subprocess.run(argv, cwd=folder.parent, capture_output=True, text=True, timeout=60)


def test_the_tcl_makes_the_same_core(core_folder: Path) -> None:
    done = packaged(core_folder)
    assert done.returncode == 0, done.stderr
    root, lines = component(core_folder), done.stdout.splitlines()
    wanted = ["core -vendor nn_fpga_dse", "core -library network", "core name dense"]
    wanted += ["core version 1.0", f"core display_name {root.findtext(f'.//{XILINX}displayName')}"]
    for bus in root.iter(f"{SPIRIT}busInterface"):
        name = bus.findtext(f"{SPIRIT}name")
        types = [
            ":".join(str(t.get(f"{SPIRIT}{k}")) for k in ("vendor", "library", "name", "version"))
            for tag in ("busType", "abstractionType")
            for t in bus.findall(f"{SPIRIT}{tag}")
        ]
        mode = "master" if bus.find(f"{SPIRIT}master") is not None else "slave"
        wanted.append(f"bus {name} {' '.join(types)} {mode}")
        for one in bus.iter(f"{SPIRIT}portMap"):
            logical, physical = (e.findtext(f"{SPIRIT}name") for e in one)
            wanted.append(f"map {name} {logical} {physical}")
        wanted += [f"parameter {name} {k} {v}" for k, v in parameters(root, str(name))]
    sets = list(root.iter(f"{SPIRIT}fileSet"))
    wanted += [f"source {n}" for n in texts(sets[1], "file/name")]
    wanted += [f"bench {n}" for n in texts(sets[2], "file/name")]
    assert lines == wanted


def test_names_from_outside_do_no_harm(tmp_path: Path) -> None:
    name = 'x"]}; exec touch pwned; [puts <b>&amp; ]]> {'
    typed = replace(network(IOType.PARALLEL), name=name)
    folder = written(typed, tmp_path / "core")
    assert component(folder).findtext(f".//{XILINX}displayName")
    done = packaged(folder)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("pwned"))
