"""The command line: ``dse COMMAND …``. What each command does is in ``dse/commands``.

Exit status: 0 done, 1 the work failed, 2 the call or an input is wrong, 130 stopped by
Ctrl-C. Answers go to stdout, progress and errors to stderr; a traceback only with --debug.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from converter.errors import DseError
from dse.commands.options import COMMANDS, build_parser

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        return _run(arguments)
    except DseError as error:
        return _fail(arguments, str(error), error.exit_status)
    except KeyboardInterrupt:
        return _fail(arguments, "stopped by Ctrl-C", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except MemoryError as error:
        return _fail(arguments, f"out of memory: {error}", 1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(arguments, f"{place}{error.strerror or error}", 1)
    except Exception as error:
        message = f"internal error: {type(error).__name__}: {error}; --debug shows where"
        return _fail(arguments, message, 1)


def _run(arguments: argparse.Namespace) -> int:
    module = importlib.import_module(COMMANDS[arguments.command])
    status: int = getattr(module, arguments.command)(arguments)
    return status


def _fail(arguments: argparse.Namespace, message: str, status: int) -> int:
    if getattr(arguments, "debug", False):
        import traceback

        traceback.print_exc()
    sys.stderr.write(f"dse {arguments.command}: {' '.join(message.splitlines())}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
