"""``dse run`` and ``dse resume``."""

from __future__ import annotations

import argparse

from converter.errors import RunError
from dse import api
from dse.commands.output import say
from dse.commands.show import print_front
from dse.quantities import parse_budget, parse_clock
from dse.watch import Terminal


def run(arguments: argparse.Namespace) -> int:
    """Explore, then print the front."""
    parse_budget(arguments.budget)
    parse_clock(arguments.clock)
    names = ("data", "weights", "metric", "clock", "backend", "stage", "space", "sampler")
    farm = ("executor", "workers", "synth_jobs", "ray_address", "tracking_uri", "seed")
    more = ("io_type", "learned")
    options = {name: getattr(arguments, name) for name in (*names, *farm, *more)}
    done = api.run(
        arguments.model,
        arguments.part,
        arguments.budget,
        out=arguments.out,
        observer=Terminal(),
        objectives=tuple(o.strip() for o in arguments.objectives.split(",") if o.strip()),
        limits=tuple(arguments.limit),
        **options,
    )
    return _finish(done)


def resume(arguments: argparse.Namespace) -> int:
    """Go on, then print the front."""
    return _finish(api.resume(arguments.run, arguments.budget, observer=Terminal()))


def _finish(done: api.Run) -> int:
    document = api.front(done.folder)
    if document["front"]:
        print_front(document, done.folder)
    say(f"page: {done.folder / 'report.html'}")
    if done.ended == api.STOPPED:
        say(f"stopped; go on with: dse resume {done.folder}")
        return 130
    if not document["front"]:
        raise RunError(f"{done.folder}: {done.ended} before any design was measured: {_why(done)}")
    return 0


def _why(done: api.Run) -> str:
    """What kept a run from measuring anything."""
    history = done.history()
    failures = [d.failure for d in history.designs.values() if d.failure]
    if failures:
        return f"{failures[-1].kind}: {failures[-1].message}; {failures[-1].next_action}"
    notes = [s.failure or s.note for s in history.settings.values() if s.failure or s.note]
    if notes and len(notes) == len(history.settings):
        return notes[-1]
    return f"{len(history.settings)} settings were evaluated; give it more --budget"
