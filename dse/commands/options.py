"""Every command's options and help. Light to import: ``dse --help`` must answer at once."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

COMMANDS = {
    "run": "dse.commands.explore",
    "resume": "dse.commands.explore",
    "status": "dse.commands.show",
    "pareto": "dse.commands.show",
    "report": "dse.commands.show",
    "ui": "dse.commands.show",
    "pick": "dse.commands.choose",
    "convert": "dse.commands.build",
    "predict": "dse.commands.build",
    "estimate": "dse.commands.build",
    "synth": "dse.commands.build",
    "profile": "dse.commands.inspect",
    "compare": "dse.commands.inspect",
    "parts": "dse.commands.machine",
    "doctor": "dse.commands.machine",
}
"""Command name -> the module with a function of that name."""

BACKENDS = ("auto", "yosys", "vitis", "vivado", "ecp5")

IO_TYPES = ("io_parallel", "io_stream")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="dse",
        description="From a trained model to a measured Pareto front of FPGA designs.",
        epilog="example: dse run --model m.h5 --data d.npz --part xcvu9p --budget 2h",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which dse this is")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_run, _resume, _status, _pareto, _pick, _report, _ui):
        add(commands)
    for add in (_convert, _predict, _estimate, _synth, _profile, _compare, _parts, _doctor):
        add(commands)
    return parser


class _Version(argparse.Action):
    """Looked up only when it is printed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"dse {importlib.metadata.version('nn-fpga-dse')}\n")
        parser.exit()


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} must be a number in 1..65535")
    return int(text)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return int(text)


_Commands = argparse._SubParsersAction  # the type has no public name


def _add(
    commands: _Commands[argparse.ArgumentParser], name: str, text: str, example: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=text, epilog=f"example: {example}", allow_abbrev=False
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback on failure")
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help=".h5, .keras, .onnx or arch.json")
    parser.add_argument("--weights", type=Path, help="weights .h5 of an arch.json")


def _hardware(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--part", required=True, help="a part or a board; see: dse parts")
    parser.add_argument("--clock", default="5ns", help="5ns, 200MHz (default: %(default)s)")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="auto", help="tool family (default: %(default)s)"
    )


def _run(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "run",
        "explore a model's designs and measure the best",
        "dse run --model m.h5 --data d.npz --part xcvu9p --budget 48h --limit dsp=0",
    )
    _model(parser)
    parser.add_argument("--data", type=Path, help=".npz of x, y and optionally x_train, y_train")
    parser.add_argument("--metric", help="accuracy, auc, mse, mae, fidelity or module:function")
    _hardware(parser)
    parser.add_argument("--budget", required=True, help="90s, 30m, 48h, 2d or trials=500")
    parser.add_argument("--stage", choices=("hls", "logic", "route"), help="how far synthesis goes")
    parser.add_argument(
        "--objectives",
        default="accuracy,latency,resources",
        help="of accuracy, latency, interval, resources, lut, ff, dsp, bram (default: %(default)s)",
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="repeatable: dsp=0, latency=200ns, lut=50%%, accuracy=0.75",
    )
    parser.add_argument("--space", default="default", help="a preset or a YAML file")
    parser.add_argument("--sampler", default="tpe", help="tpe, nsga2, gp, random")
    parser.add_argument(
        "--io-type", choices=IO_TYPES, default=IO_TYPES[0], help="(default: %(default)s)"
    )
    parser.add_argument(
        "--learned",
        type=Path,
        metavar="STORE",
        help="a file of what syntheses showed: start from it, and add to it",
    )
    _farm(parser)
    parser.add_argument("--tracking-uri", help="where MLflow logs (default: SQLite under runs/)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the run's folder")


def _farm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--executor", choices=("ray", "inline"), default="ray")
    parser.add_argument("--workers", type=int, help="evaluations at once (default: cores)")
    parser.add_argument("--synth-jobs", type=int, help="synthesis jobs at once (default: cores)")
    parser.add_argument("--ray-address", help="join a Ray cluster")


def _resume(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "resume",
        "go on with a run that was stopped",
        "dse resume runs/m-20260101-1 --budget 2h",
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--budget", help="for the run in all (default: what it was given)")


def _status(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "status", "how a run is doing", "dse status runs/m-20260101-1")
    parser.add_argument("run", type=Path)
    _json(parser)


def _pareto(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "pareto", "the front of a run", "dse pareto runs/m-20260101-1 --json")
    parser.add_argument("run", type=Path)
    _json(parser)


def _pick(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "pick",
        "write one design of the front, ready to integrate",
        "dse pick runs/m-20260101-1 --limit dsp=0 --prefer latency --out picked",
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--id", type=int, help="a design's number")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--prefer",
        default="accuracy",
        choices=("accuracy", "latency", "interval", "resources", "lut", "ff", "dsp", "bram"),
        help="what is best among the designs within the limits (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True)


def _report(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "report", "write the run's page", "dse report runs/m-20260101-1")
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, help="where to (default: report.html of the run)")


def _ui(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "ui", "MLflow's pages of all runs here", "dse ui --port 5000")
    parser.add_argument("run", type=Path, nargs="?", help="a run whose tracking store to show")
    parser.add_argument("--port", type=_port, default=5000, help="(default: %(default)s)")


def _convert(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "convert",
        "one model, one configuration, one project",
        "dse convert --model m.h5 --config c.yml --backend vitis --part xcvu9p --out prj",
    )
    _model(parser)
    parser.add_argument("--config", type=Path, help="YAML with hls4ml's keys")
    parser.add_argument("--data", type=Path, help=".npz with x, for the ranges of auto types")
    _hardware(parser)
    parser.add_argument("--out", type=Path, required=True)


def _predict(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "predict",
        "bit-exact outputs",
        "dse predict --model m.h5 --data d.npz --engine rtl --out y.npz",
    )
    _model(parser)
    parser.add_argument("--config", type=Path, help="YAML with hls4ml's keys")
    parser.add_argument("--data", type=Path, required=True, help=".npz with x")
    parser.add_argument("--engine", choices=("emulate", "csim", "rtl"), default="emulate")
    parser.add_argument("--part", default="xcvu9p", help="for the RTL (default: %(default)s)")
    parser.add_argument("--clock", default="5ns")
    parser.add_argument("--out", type=Path, required=True, help=".npz to write, key y")


def _estimate(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "estimate",
        "resources and latency, per layer and in all",
        "dse estimate --model m.h5 --part xcvu9p --backend vitis --stage logic",
    )
    _model(parser)
    parser.add_argument("--config", type=Path, help="YAML with hls4ml's keys")
    _hardware(parser)
    parser.add_argument(
        "--stage",
        choices=("hls", "logic", "route"),
        help="which report of a vendor's flow is estimated (default: hls)",
    )
    _json(parser)


def _synth(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands, "synth", "run the tool on a converted project", "dse synth prj --stage hls"
    )
    parser.add_argument("project", type=Path)
    parser.add_argument("--stage", choices=("hls", "logic", "route"))
    parser.add_argument("--timeout", default="24h", help="time limit (default: %(default)s)")
    parser.add_argument(
        "--synth-jobs", type=_jobs, help="parts synthesised at once (default: cores)"
    )
    parser.add_argument(
        "--whole", action="store_true", help="flatten the design; slower than part by part"
    )
    _json(parser)


def _profile(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "profile",
        "ranges of weights and activations against the types",
        "dse profile --model m.h5 --data d.npz --out profile",
    )
    _inspected(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.01,
        help="relative error that a suggested type may cost a tensor (default: %(default)s)",
    )


def _compare(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(
        commands,
        "compare",
        "layer by layer, float against fixed point",
        "dse compare --model m.h5 --config c.yml --data d.npz",
    )
    _inspected(parser)


def _inspected(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("--config", type=Path, help="YAML with hls4ml's keys")
    parser.add_argument("--data", type=Path, required=True, help=".npz with x")
    parser.add_argument("--out", type=Path, help="folder for the page and the pictures")
    _json(parser)


def _parts(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "parts", "known parts and boards", "dse parts --json")
    parser.add_argument("name", nargs="?", help="show only what has this in its name")
    _json(parser)


def _doctor(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "doctor", "which tools are here, and what is missing", "dse doctor")
    _json(parser)
