"""A stand-in for AMD's programs: runs a Tcl script in a real Tcl interpreter.

Started by the small launchers that ``install.py`` writes, as
``tool.py PROGRAM VERSION arguments...``. The variable FAKE_TOOL_MODE makes it misbehave,
``licence`` all programs and ``vivado:licence`` only one. See ``MODES``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

BANNERS = {
    "vivado_hls": "Vivado(TM) HLS - High-Level Synthesis from C, C++ and OpenCL v{} (64-bit)",
    "vitis_hls": "Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v{} (64-bit)",
    "vitis-run": "****** vitis-run v{} (64-bit)",
    "vivado": "Vivado v{} (64-bit)",
}

FATAL = {
    "licence": (
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'"
        " and/or device 'xcvu9p'.",
        1,
    ),
    "memory": ("terminate called after throwing an instance of 'std::bad_alloc'", 134),
    "unroll": (
        "ERROR: [XFORM 203-504] Stop unrolling loop 'Product1' because it may cause large"
        " runtime and excessive memory usage due to increase in code size.",
        1,
    ),
    "nospace": ("ERROR: [HLS 200-1] write failed: No space left on device", 1),
    "error": ("ERROR: [HLS 200-70] Pre-synthesis failed.", 1),
}
"""What the tool says, and its exit status."""

MODES = (*FATAL, "broken", "hang", "crash", "killed", "hog", "silent", "truncated", "slow")
"""``broken`` already fails when asked its version; ``silent`` ends well without a report."""


def mode_of(program: str) -> str:
    """How this program is to misbehave; empty for not at all."""
    text = os.environ.get("FAKE_TOOL_MODE", "")
    owner, _, mode = text.rpartition(":")
    if owner not in ("", program):
        return ""
    if mode and mode not in MODES:
        raise SystemExit(f"FAKE_TOOL_MODE={text}: modes are {', '.join(MODES)}")
    return mode


def misbehave(mode: str) -> None:
    """Whatever ends the program before it did anything."""
    if mode in FATAL:
        print(FATAL[mode][0])
        sys.stdout.flush()
        os._exit(FATAL[mode][1])
    if mode == "crash":
        print("Abnormal program termination (11)", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "hang":
        helper = [sys.executable, "-c", "import time; time.sleep(600)"]
        subprocess.Popen(helper, start_new_session=True)
        print("hanging", flush=True)
        time.sleep(600)
    if mode == "hog":
        held = [bytes([1]) * (32 << 20) for _ in range(20)]
        time.sleep(600 + len(held))
    if mode == "slow":
        time.sleep(1)


def script_and_arguments(program: str, arguments: list[str]) -> tuple[str, list[str]]:
    """Which script to run and what Tcl's argv is there, by each program's command line."""
    option = {"vivado_hls": "-f", "vitis_hls": "-f", "vitis-run": "--tcl", "vivado": "-source"}
    if option[program] not in arguments:
        raise SystemExit(f"ERROR: {program}: there is no {option[program]}")
    if program == "vitis-run" and arguments[:2] != ["--mode", "hls"]:
        raise SystemExit("ERROR: vitis-run needs --mode hls")
    if program == "vivado" and arguments[:2] != ["-mode", "batch"]:
        raise SystemExit("ERROR: vivado would open a window: -mode batch is missing")
    script = arguments[arguments.index(option[program]) + 1]
    if program == "vivado":
        rest = arguments[arguments.index("-tclargs") + 1 :] if "-tclargs" in arguments else []
        return script, rest
    return script, [] if program == "vitis-run" else arguments


def main() -> int:
    """Answer for the version, or run the script."""
    program, version, *arguments = sys.argv[1:]
    mode = mode_of(program)
    if arguments in (["-version"], ["--version"]):
        print(BANNERS[program].format(version))
        if mode == "broken":
            print("error while loading shared libraries: libtinfo.so.5: cannot open")
        return 127 if mode == "broken" else 0
    script, rest = script_and_arguments(program, arguments)
    print(BANNERS[program].format(version))
    print(
        "INFO: [Common 17-349] Got license for feature 'Synthesis' and/or device 'any'", flush=True
    )
    misbehave(mode)
    if not Path(script).is_file():
        print(f'ERROR: couldn\'t read file "{script}": no such file or directory')
        return 1
    environment = {
        **os.environ,
        "FAKE_PYTHON": sys.executable,
        "FAKE_WRITER": str(HERE / "writer.py"),
        "FAKE_VERSION": version,
        "FAKE_MODE": mode,
        "FAKE_SCRIPT": script,
        "FAKE_ARGV": "\n".join(rest),
    }
    prelude = "vivado.tcl" if program == "vivado" else "hls.tcl"
    return subprocess.run(["tclsh", str(HERE / prelude)], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
