"""A design in parts, each synthesised by itself: the modules that its top instantiates.

A part's Verilog does not tell what design it is of, so that equal parts have equal digests. What
is in the top beside the instances is a part of its own, in which they are black boxes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converter.backends.yosys.scripts import BOXES, needs, script, text_file
from converter.backends.yosys.verilog import Instance, closure, instances, modules, renamed, stub
from converter.project import Project

PART = "part.json"
"""The file of a part that tells what it is one of, and how it is to be read."""

FORMAT = 1
"""Of what is counted and timed: results of another format are not taken for these."""

UNIT = "unit"
TOP = "top"
"""Name of the part that is the top without its instances."""


@dataclass(frozen=True)
class Division:
    """``parts`` by name; ``part_of``: by instance of the top, the name of the part that it is."""

    parts: Mapping[str, Project]
    part_of: Mapping[str, str]


def divide(project: Project, family: str) -> Division:
    """The parts of a project of Verilog."""
    known = modules(_sources(project))
    found = instances(known[project.top], known)
    by_digest: dict[str, str] = {}
    parts: dict[str, Project] = {}
    part_of = {}
    for instance in found:
        part = _part(instance, known, family)
        name = by_digest.get(part.digest)
        if name is None:
            name = _free(_label(instance, project.top), parts)
            by_digest[part.digest] = name
            parts[name] = Project(name, part.backend, part.top, part.files)
        part_of[instance.name] = name
    parts[TOP] = _glue(project, known, found, family)
    return Division(parts, part_of)


def stage_instances(files: Mapping[str, str], top: str, stages: Sequence[str]) -> dict[str, str]:
    """What each instance of the top belongs to. ``stages``: the names of all stages or processes,
    in the order of their instances, and then those of all FIFOs.
    """
    known = modules(files.values())
    found = instances(known[top], known)
    own = [i.name for i in found if i.module.startswith(f"{top}_")]
    fifos = [i.name for i in found if i.module == "nn_fifo"]
    return dict(zip([*own, *fifos], stages, strict=True))


def _sources(project: Project) -> list[str]:
    return [
        body if isinstance(body, str) else body.decode("ascii")
        for path, body in sorted(project.files.items())
        if path.startswith("rtl/") and path.endswith(".v")
    ]


def _part(instance: Instance, known: Mapping[str, str], family: str) -> Project:
    below = closure(known, instance.module)
    own = {n: UNIT + n[len(instance.module) :] for n in below if n.startswith(instance.module)}
    boxes = [n for n in below if n in BOXES]
    texts = [renamed(known[n], own) for n in below if n not in BOXES]
    files = {"unit.v": "\n".join(texts) + "\n"}
    if boxes:
        files["boxes.v"] = "\n".join(known[n] for n in boxes) + "\n"
    parameters = dict(instance.parameters)
    read = "read_verilog -defer unit.v"
    read += "\nread_verilog -lib boxes.v" if boxes else ""
    need = needs((known[n] for n in below if n not in BOXES), parameters)
    files["synth.ys"] = script(UNIT, read, need, parameters, netlist=False)
    return _project(UNIT, files, family, ())


def _glue(
    project: Project, known: Mapping[str, str], found: list[Instance], family: str
) -> Project:
    text, stubs = known[project.top], []
    for i, instance in enumerate(found):
        box = f"box{i}"
        text = text.replace(instance.text, f"  {box} {instance.name} (", 1)
        stubs.append(stub(known[instance.module], box, instance.parameters))
    text = renamed(text, {project.top: UNIT})
    files = {"unit.v": text + "\n", "boxes.v": "\n".join(stubs)}
    read = "read_verilog -lib boxes.v\nread_verilog unit.v"
    files["synth.ys"] = script(UNIT, read, needs([text]), {}, netlist=False)
    boxes = tuple(f"box{i}" for i in range(len(found)))
    return _project(UNIT, files, family, boxes)


def _project(top: str, files: dict[str, str], family: str, boxes: tuple[str, ...]) -> Project:
    told = {"format": FORMAT, "family": family, "boxes": boxes}
    files |= {"addalu.v": text_file("addalu.v"), PART: json.dumps(told, indent=1) + "\n"}
    return Project(top, "yosys", top, files)


def _label(instance: Instance, top: str) -> str:
    """A name for people: a stage's, or a library module's with its parameters."""
    name = instance.module.removeprefix(f"{top}_")
    values = (re.sub(r"\W", "", value) for value in instance.parameters.values())
    return "_".join([name, *values])


def _free(name: str, taken: Mapping[str, object]) -> str:
    free, i = name, 2
    while free in taken or free == TOP:
        free, i = f"{name}.{i}", i + 1
    return free
