"""Keys of hls4ml's configuration files that are not settings here: when they change nothing, and
why they are refused otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANY: object = object()
"""Stands for every value."""


@dataclass(frozen=True)
class Known:
    """``harmless``: values that change nothing here, as hls4ml's own defaults; none: the key is
    refused at every value. ``reason``: what a message says of other values.
    """

    harmless: tuple[object, ...] = (ANY,)
    reason: str = ""

    def allows(self, value: object) -> bool:
        """Whether the value changes nothing."""
        if self.harmless and self.harmless[0] is ANY:
            return True
        return any(value is h or (value == h and type(value) is type(h)) for h in self.harmless)

    @property
    def way_out(self) -> str:
        """How a refusal goes on."""
        values = " or ".join(str(v) for v in self.harmless if v is not None)
        instead = f", or give {values}" if values else ""
        return f"leave it out{instead}{': ' + self.reason if self.reason else ''}"


_FREE = Known()
_ONE_API = Known((), "it is for hls4ml's oneAPI backend, which is not here")
_CATAPULT = Known((), "it is for hls4ml's Catapult backend, which is not here")
_RECURRENT = "it is for recurrent layers, which are not supported"
_NOT_SHARED = "how weights are stored follows from Strategy and ReuseFactor"

TOP: Mapping[str, Known] = {
    # where hls4ml reads and writes files
    "InputData": _FREE, "OutputPredictions": _FREE, "KerasModel": _FREE, "KerasJson": _FREE,
    "KerasH5": _FREE, "OnnxModel": _FREE, "PytorchModel": _FREE, "InputShape": _FREE,
    "Stamp": _FREE, "Version": _FREE,
    "MaximumSize": Known((None, 4096), "the limit follows from the largest array of the design"),
    "ClockUncertainty": Known(
        (None, "12.5%", "27%"), "each tool's share is as in hls4ml; choose a shorter ClockPeriod"
    ),
    "HyperoptHandshake": _ONE_API, "Technology": _CATAPULT, "ASICLibs": _CATAPULT,
    "FIFO": _CATAPULT, "ProjectDir": _CATAPULT,
    "AcceleratorConfig": Known((), "there are no backends that wrap a network for a board"),
}  # fmt: skip
"""Of the top level."""

WRITER: Mapping[str, Known] = {
    "Namespace": Known((None,), "all C++ is in files of its own, and the library in namespace dse"),
    "WriteWeightsTxt": _FREE, "WriteTar": _FREE, "WriteEmulationConstants": _FREE,
    "TBOutputStream": _FREE,
}  # fmt: skip
"""Of ``WriterConfig``: what hls4ml writes beside the design."""

HLS: Mapping[str, Known] = {
    name: Known((None, [], {}), "the passes are those of converter/pipeline.py")
    for name in ("Flows", "Optimizers", "SkipOptimizers")
}
"""Of ``HLSConfig``."""

_COMPRESSION = Known((False, 0), f"weights are not compressed; {_NOT_SHARED}")
_CYCLES = Known((None,), "give a ReuseFactor; `dse run` finds one for a bound on the interval")

MODEL: Mapping[str, Known] = {
    "BramFactor": Known((None, 1_000_000_000), f"weights are part of the design; {_NOT_SHARED}"),
    "PipelineStyle": Known((None, "auto"), "it follows from IOType and the layers' Strategy"),
    "PipelineInterval": Known((None, 1), "it follows from the layers' ReuseFactor"),
    "BitExact": Known((None, False), "models with quantizers keep their own types as they are"),
    "TraceOutput": Known((False,), "`dse compare` shows every layer, without another project"),
    "ChannelsLastConversion": Known(
        ("full", "off", "internal"), "tensors are channels last, as in the model's file"
    ),
    "TransposeOutputs": Known((False,), "outputs are channels last"),
    "TargetCycles": _CYCLES,
    "Compression": _COMPRESSION,
}
"""Of ``Model``."""

LAYER: Mapping[str, Known] = {
    "Trace": Known((False,), "`dse compare` shows every layer, without another project"),
    "Implementation": Known(("stable",), "our softmax has one form, which is exact in range"),
    "ConvImplementation": Known(("LineBuffer",), "there are line buffers only"),
    "Compression": _COMPRESSION,
    "Skip": Known((False,), "take the layer out of the model"),
    "skip": Known((False,), "take the layer out of the model"),
    "TargetCycles": _CYCLES,
    "recurrent_reuse_factor": Known((), _RECURRENT),
    "TimeStepLoopParallelism": Known((), _RECURRENT),
    "static": Known((), _RECURRENT),
}
"""Of a layer or a type of layers."""

_ONE_WORD = "no unit has such a word"
_ALL_WEIGHTS = "the types of `weight` and `bias` hold for all constants of a layer"

PRECISIONS: Mapping[str, str] = {
    "inv_inp": "our softmax needs no such word: see exp_table and inv_table",
    "inp_norm": "our softmax needs no such word: see exp_table and inv_table",
    "pow2": _ONE_WORD,
    "recurrent_weight": _RECURRENT,
    "recurrent_bias": _RECURRENT,
    "depthwise": _ALL_WEIGHTS, "pointwise": _ALL_WEIGHTS,
    "depthwise_weight": _ALL_WEIGHTS, "pointwise_weight": _ALL_WEIGHTS,
    "param": _ALL_WEIGHTS, "alpha": _ALL_WEIGHTS, "beta": _ALL_WEIGHTS, "gamma": _ALL_WEIGHTS,
}  # fmt: skip
"""Precisions that no unit has, and why: to be left ``auto``, or as hls4ml writes them unasked."""

UNASKED: Mapping[str, str] = {"inv_inp": "fixed<18,8,RND,SAT>", "inp_norm": "fixed<18,8,RND,SAT>"}
"""What hls4ml writes for these of its own accord."""

STRATEGIES: Mapping[str, str] = {
    "resource_unrolled": "use Resource, which shares multipliers in a loop, or Latency",
    "compressed": "use Resource; weights are not compressed",
    "unrolled": "use Latency",
}
"""Strategies of hls4ml that are not here; what to use."""
