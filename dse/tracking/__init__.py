"""What is logged, and where."""

from __future__ import annotations

from dse.tracking.mlflow_log import sqlite_uri, ui_command
from dse.tracking.tracker import Tracker

__all__ = ["Tracker", "sqlite_uri", "ui_command"]
