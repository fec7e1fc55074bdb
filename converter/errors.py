"""The project's errors: one tree, so that a caller can catch what a user can mend.

A message says what must hold, what was given and how to go on, and starts with
the thing that it is about: ``fc1: reuse_factor=7 does not divide 80
multiplications; legal nearby: 5, 8``.
"""


class DseError(Exception):
    """A failure that the user can understand and mend; never shown as a traceback.

    ``exit_status`` is what a command ends with: 2 for a wrong call or input, 1 for
    work that failed.
    """

    exit_status = 2


class ModelError(DseError):
    """A model file is missing, damaged, hostile, or not of a kind that is read."""


class UnsupportedError(ModelError):
    """A layer, attribute or value that is known but not honoured, refused by name."""


class ConfigError(DseError):
    """A configuration, option or space that is wrong: a key, a value, a type."""


class DataError(DseError):
    """A data file that cannot be used: shape, type, NaN, empty."""


class TargetError(DseError):
    """An unknown part or board, or a clock that the part cannot reach."""


class ToolError(DseError):
    """A tool is missing, or failed."""

    exit_status = 1


class RunError(DseError):
    """A run that failed, or that cannot be read."""

    exit_status = 1
