"""Why a tool failed, told from how it ended and from what it wrote to its log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from converter.process import Outcome

LOG_READ_BYTES = 4 << 20
"""How much of a log's end is searched."""


class Kind(str, Enum):
    """Classes of failure, by what is to be done about them."""

    LICENCE = "licence"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    UNROLL = "unroll limit"
    FULL = "device full"
    CRASH = "tool crash"
    ERROR = "tool error"
    SPACE = "no space"
    MISSING = "missing tool"
    REPORT = "bad report"
    CANCELLED = "cancelled"


FINAL = frozenset({Kind.UNROLL, Kind.FULL, Kind.CRASH, Kind.REPORT})
"""What would fail again: the design or the tool's own doing, not the machine's or the moment's.
Not so a plain error: it may be a broken installation, which must not be remembered for ever.
"""

_ACTIONS = {
    Kind.LICENCE: "check XILINXD_LICENSE_FILE and the server's free seats (dse doctor); try again "
    "later, or use fewer with --license-seats",
    Kind.MEMORY: "run fewer jobs at once (--synth-jobs), use a machine with more memory, or a "
    "larger reuse factor",
    Kind.TIMEOUT: "allow more time, or use a larger reuse factor: unrolled designs take longest",
    Kind.UNROLL: "use a larger reuse factor or the strategy resource for this layer",
    Kind.FULL: "use a larger part or reuse factor, or lower the --limit of what ran out",
    Kind.CRASH: "see the log; another version of the tool or another reuse factor often helps",
    Kind.ERROR: "see the log",
    Kind.SPACE: "free some disk space, or run in another folder (--out)",
    Kind.MISSING: "install the tool or set PATH; dse doctor says how",
    Kind.REPORT: "see the log: the tool said that it succeeded",
    Kind.CANCELLED: "start it again",
}

# Vivado logs "[Common 17-349] Got license" when all is well; 17-345 and 17-348 are the failures.
_PATTERNS = (
    (
        Kind.LICENCE,
        r"\[Common 17-34[58]\]|(?:valid|required) licen[sc]e was not found"
        r"|fail(?:ed|ure) (?:to (?:get|obtain|acquire)|in|on|during)[^\n]{0,40}licen[sc]e"
        r"|licen[sc]e (?:checkout|server)[^\n]{0,40}fail|FLEXnet Licensing error"
        r"|ERROR:[^\n]*\[Common 17-349\]",
    ),
    (Kind.SPACE, r"No space left on device|Disk quota exceeded"),
    (
        Kind.MEMORY,
        r"std::bad_alloc|(?i:out of memory)|Cannot allocate memory"
        r"|(?i:unable|failed) to allocate [^\n]{0,60}(?:bytes|memory)",
    ),
    (
        Kind.UNROLL,
        r"Stop unrolling|\[XFORM 203-504\]|\[XFORM 203-103\]"
        r"|partitioned elements number[^\n]*threshold",
    ),
    (Kind.FULL, r"(?i:no bels remaining)|Unable to find legal placement"),
    (
        Kind.CRASH,
        r"Abnormal program termination|[Ss]egmentation (?:fault|violation)|\bsegfault in "
        r"|An unexpected error has occurred \(\d+\)|Assertion [^\n]* failed",
    ),
)
_SEARCH = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
_ERROR_LINE = re.compile(r"^(?:@E|ERROR|Error|%Error|error)\b[^\n]*", re.MULTILINE)


@dataclass(frozen=True)
class Failure:
    """Why there is no report. ``kind`` is a value of ``Kind``."""

    kind: str
    message: str
    next_action: str

    @property
    def final(self) -> bool:
        """The same design would fail in the same way again."""
        return Kind(self.kind) in FINAL


def failure(kind: Kind, message: str) -> Failure:
    """A failure with the way out that belongs to its kind."""
    return Failure(kind.value, message, _ACTIONS[kind])


def judge(name: str, outcome: Outcome, log: Path, text: str) -> Failure | None:
    """The failure of the command ``name``; None where it ended well.

    ``text`` is what was read of its log.
    """
    if outcome.status == "ok":
        return None
    if outcome.status == "cancelled":
        return failure(Kind.CANCELLED, f"{name} was cancelled after {outcome.seconds:.0f} s")
    if outcome.status == "missing":
        return failure(Kind.MISSING, outcome.log_tail.strip())
    if outcome.status == "timeout":
        return failure(Kind.TIMEOUT, f"{name} was ended after {outcome.seconds:.0f} s; log: {log}")
    if outcome.status == "memory":
        gigabytes = outcome.peak_rss_bytes / (1 << 30)
        return failure(Kind.MEMORY, f"{name} was ended at {gigabytes:.1f} GiB; log: {log}")
    return _of_log(name, outcome, log, text)


def known_trouble(text: str) -> tuple[Kind, str] | None:
    """The first known trouble in a log, by the order of ``Kind``'s patterns, and its line."""
    for kind, pattern in _SEARCH:
        found = pattern.search(text)
        if found:
            start = text.rfind("\n", 0, found.start()) + 1
            return kind, text[start:].split("\n", 1)[0].strip()[:500]
    return None


def _of_log(name: str, outcome: Outcome, log: Path, text: str) -> Failure:
    code = outcome.returncode
    known = known_trouble(text)
    if known:
        return failure(known[0], f"{name}: {known[1]}; log: {log}")
    if code == -9:
        # Nobody but the kernel, short of memory, kills a tool like this; our own limits are above.
        return failure(Kind.MEMORY, f"{name} was killed from outside (signal 9); log: {log}")
    if code is not None and (code < 0 or code >= 128):
        number = -code if code < 0 else code - 128
        return failure(Kind.CRASH, f"{name} died of signal {number}; log: {log}")
    line = _ERROR_LINE.search(text)
    last = (outcome.log_tail.strip().splitlines() or ["it printed nothing"])[-1]
    said = (line[0] if line else last).strip()[:500]
    return failure(Kind.ERROR, f"{name} ended with status {code}: {said}; log: {log}")


def read_end(log: Path) -> str:
    """The end of a log, as far as it is searched; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_READ_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
