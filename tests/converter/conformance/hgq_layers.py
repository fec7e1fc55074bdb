"""Attributes and weights of each layer of HGQ and HGQ2 as their files have them, by class."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, Any]
Needed = tuple[dict[str, Any], Arrays]

HGQ_QUANTIZER = {"rnd_strategy": "standard_round", "bw_clip": [-23, 23], "minmax_record": True}
HGQ = {"kq_conf": HGQ_QUANTIZER, "paq_conf": HGQ_QUANTIZER, "beta": 0.0}
STATISTICS = {"beta": np.array(0.0), "bops": np.array(0.0)}
MOMENTS = {n: np.ones(2) for n in ("bn_gamma", "bn_beta", "moving_mean", "moving_variance")}
CONV = {"filters": 2, "padding": "same", "activation": "relu", "parallel_factor": 1}
POOL: Needed = ({"pool_size": 2, "strides": 2, "padding": "valid"}, {})
TYPES = {n: np.ones((1, 3)) for n in ("keep_negative", "bits", "integers")}


def of_hgq(config: dict[str, Any], *kernel: int, moments: bool = False) -> Needed:
    """A layer with a kernel and two outputs."""
    arrays = {"kernel": np.ones(kernel), "bias": np.ones(2), "kernel_bw": np.ones(kernel)}
    arrays |= {"activation_bw": np.ones((1, 2)), **STATISTICS, **(MOMENTS if moments else {})}
    return {**HGQ, **config}, arrays


def quantizer(**changes: Any) -> dict[str, Any]:
    """A quantizer of HGQ2 in a file."""
    config = {"q_type": "kif", "place": "datalane", "scaler": None, "affine": None}
    config |= {"round_mode": "RND", "overflow_mode": "SAT", "bw_mapper": None, "is_weight": False}
    return {"class_name": "QuantizerConfig", "config": {**config, "trainable": True, **changes}}


def of_hgq2(
    config: dict[str, Any],
    own: tuple[tuple[int, ...], ...] = (),
    fixed: tuple[tuple[int, ...], ...] = (),
    parts: tuple[str, ...] = ("iq",),
) -> Needed:
    """A layer with variables of the shapes ``own``, before the statistics, and ``fixed``."""
    shapes = (*own, (), (), *fixed)
    arrays = {str(i): np.ones(shape) for i, shape in enumerate(shapes)}
    arrays |= {f"{p}/quantizer/{i}": np.ones((1, 1)) for p in parts for i in range(3)}
    confs = {f"{p}_conf": quantizer() for p in ("iq", "kq", "bq", "oq")}
    flags = {"enable_ebops": True, "enable_iq": True, "enable_oq": "oq" in parts}
    return {**confs, **flags, **config}, arrays


PRODUCT = ("iq", "kq", "bq")
CONV2 = {"filters": 2, "activation": "relu", "parallelization_factor": 1}


def weighted(config: dict[str, Any], *kernel: int) -> Needed:
    """A layer of HGQ2 with a kernel, whose bias has one type."""
    found, arrays = of_hgq2(config, (kernel, (2,)), parts=PRODUCT)
    bits = {k: v.ravel() for k, v in arrays.items() if k.startswith("bq/")}
    return found, {**arrays, **bits, **_of_rank("kq", len(kernel))}


def _of_rank(part: str, rank: int) -> Arrays:
    return {f"{part}/quantizer/{i}": np.ones((1,) * rank) for i in range(3)}


def of_vectors(config: dict[str, Any], *shapes: Any, **options: Any) -> Needed:
    """A layer whose constants are vectors."""
    found, arrays = of_hgq2(config, *shapes, parts=PRODUCT, **options)
    return found, {**arrays, **_of_rank("kq", 1), **_of_rank("bq", 1)}


def merged() -> Needed:
    """A layer of two inputs."""
    confs = {"iq_confs": [quantizer(), quantizer()], "enable_iq": True, "enable_oq": False}
    parts = ("iq/quantizers/quantizer", "iq/quantizers/quantizer_1")
    return confs, of_hgq2({}, parts=parts)[1]


POOL2 = of_hgq2({"pool_size": 2, "strides": 2, "padding": "valid"})
WHOLE2 = of_hgq2({"keepdims": False})
DENSE_MOMENTS = of_vectors({"units": 2}, ((3, 2), (2,), (3,)), ((3,), (3,)))

NEEDED: dict[str, Needed] = {
    "FixedPointQuantizer": ({"RND": "RND", "SAT": "SAT"}, TYPES),
    "HGQ>FixedPointQuantizer": ({"RND": "TRN", "SAT": "WRAP", "shape": [1, 3]}, TYPES),
    "HGQ>HActivation": (
        {**HGQ, "activation": "tanh"}, {"activation_bw": np.ones((1, 2)), **STATISTICS}
    ),
    "HGQ>HAdd": (HGQ, {"activation_bw": np.ones((1, 2)), **STATISTICS}),
    "HGQ>HConv1D": of_hgq({**CONV, "kernel_size": 3}, 3, 4, 2),
    "HGQ>HConv1DBatchNorm": of_hgq({**CONV, "kernel_size": 3}, 3, 4, 2, moments=True),
    "HGQ>HConv2D": of_hgq({**CONV, "kernel_size": 3}, 3, 3, 4, 2),
    "HGQ>HConv2DBatchNorm": of_hgq({**CONV, "kernel_size": 3}, 3, 3, 4, 2, moments=True),
    "HGQ>HDense": of_hgq({"units": 2, "parallel_factor": None}, 3, 2),
    "HGQ>HDenseBatchNorm": of_hgq({"units": 2, "parallel_factor": None}, 3, 2, moments=True),
    "HGQ>HQuantize": (HGQ, {"activation_bw": np.ones((1, 2)), **STATISTICS}),
    "HGQ>PAveragePooling1D": POOL,
    "HGQ>PAveragePooling2D": POOL,
    "HGQ>PMaxPooling1D": POOL,
    "HGQ>PMaxPooling2D": POOL,
    "HGQ>PPermute": ({"dims": [2, 1]}, {}),
    "HGQ>PReshape": ({"target_shape": [2, -1]}, {}),
    "HGQ>Signature": ({"keep_negative": [[1]], "bits": [[4]], "int_bits": [[2]]}, {}),
    "HGQ>UnaryLUT": ({"kif_in": [1, 0, 1], "kif_out": [1, 0, 1]}, {"table": np.ones(4)}),
    "UnaryLUT": ({"kif_in": [0, 1, 1], "kif_out": [1, 0, 1]}, {"table": np.ones(4)}),
    "hgq>QAdd": merged(),
    "hgq>QAffinedUnaryFunctionLUT": of_hgq2(
        {"activation": "tanh"}, ((1,), (1,)), parts=("iq", "oq")
    ),
    "hgq>QAveragePooling1D": POOL2,
    "hgq>QAveragePooling2D": POOL2,
    "hgq>QAveragePow2": merged(),
    "hgq>QBatchNormDense": DENSE_MOMENTS,
    "hgq>QConv1D": weighted({**CONV2, "kernel_size": 3}, 3, 4, 2),
    "hgq>QConv2D": weighted({**CONV2, "kernel_size": 3}, 3, 3, 4, 2),
    "hgq>QDense": weighted({"units": 2}, 3, 2),
    "hgq>QDot": (lambda m: ({**m[0], "axes": 1}, m[1]))(merged()),
    "hgq>QEinsumDense": weighted({"equation": "ab,bc->ac", "bias_axes": "c"}, 3, 2),
    "hgq>QGlobalAveragePooling1D": WHOLE2,
    "hgq>QGlobalAveragePooling2D": WHOLE2,
    "hgq>QGlobalMaxPooling1D": WHOLE2,
    "hgq>QGlobalMaxPooling2D": WHOLE2,
    "hgq>QMaxPooling1D": POOL2,
    "hgq>QMaxPooling2D": POOL2,
    "hgq>QMaximum": merged(),
    "hgq>QMeanPow2": of_hgq2({"axes": [1]}),
    "hgq>QMinimum": merged(),
    "hgq>QMultiply": merged(),
    "hgq>QSubtract": merged(),
    "hgq>QSum": of_hgq2({"axes": [1], "scale": 0.5}),
    "hgq>QUnaryFunctionLUT": of_hgq2({"activation": "tanh"}, parts=("iq", "oq")),
    "hgq>Quantizer": (
        {"config": quantizer()}, {f"quantizer/{i}": np.ones((1, 1)) for i in range(3)}
    ),
}  # fmt: skip


def normalisation() -> Needed:
    """QBatchNormalization, whose moments stand before the statistics."""
    found, arrays = of_vectors({}, ((2,), (2,), (2,), (2,)))
    return found, arrays


def softmax() -> Needed:
    """QSoftmax, whose quantizers are those of its tables."""
    tables = ("exp_table/iq", "exp_table/oq", "inv_table/iq", "inv_table/oq")
    found, arrays = of_hgq2({"axes": [1], "enable_iq": False}, parts=tables)
    confs = {f"{k}_{q}_conf": quantizer() for k in ("exp", "inv") for q in ("iq", "oq")}
    return {**found, **confs, "enable_oq": False}, arrays


def einsum_normalised() -> Needed:
    """QEinsumDenseBatchnorm."""
    config = {"equation": "ab,bc->ac", "bias_axes": "c"}
    found, arrays = of_hgq2(config, ((3, 2), (2,), (2,)), ((2,), (2,)), parts=PRODUCT)
    return found, {**arrays, **_of_rank("bq", 1)}


NEEDED["hgq>QEinsumDenseBatchnorm"] = einsum_normalised()
NEEDED["hgq>QSoftmax"] = softmax()
NEEDED["hgq>QBatchNormalization"] = normalisation()
