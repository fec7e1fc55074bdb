"""What HGQ's and HGQ2's files may hold and we do not honour is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hgq_layers import NEEDED, quantizer

from converter.errors import ModelError, UnsupportedError
from converter.layers import READERS
from converter.layers.hgq_elements import ElementQuantizer
from converter.layers.spec import LayerSpec, Part
from converter.types import Overflow, Rounding


def read(
    class_name: str, weights: dict[str, Any] | None = None, **changes: Any
) -> tuple[Part, ...]:
    config, arrays = NEEDED[class_name]
    spec = LayerSpec("fc1", class_name, {**config, **changes}, {**arrays, **(weights or {})})
    return READERS[class_name](spec)


QUANTIZERS = [
    ({"q_type": "float"}, "q_type='float' is not supported; it must be kif or kbi"),
    ({"round_mode": "STOCHASTIC"}, "attribute round_mode='STOCHASTIC' is not supported"),
    ({"overflow_mode": "SAT_ZERO"}, "attribute overflow_mode='SAT_ZERO' is not supported"),
    ({"affine": [0.1, 0.0]}, r"attribute affine=\[0.1, 0.0\] is not supported"),
    ({"scaler": 3.0}, "scaler=3 is not supported; it must be a power of two"),
    ({"bw_mapper": {}}, "attribute bw_mapper={} is not supported"),
    ({"unheard_of": 1}, "attribute unheard_of=1 is not supported"),
]


@pytest.mark.parametrize(("changes", "message"), QUANTIZERS)
def test_quantizers_of_hgq2(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"^fc1 \(hgq>QDense, iq_conf: .*{message}"):
        read("hgq>QDense", iq_conf=quantizer(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "tanh"}, "attribute activation='tanh' is not supported"),
        ({"paq_conf": {"rnd_strategy": "up"}}, "rnd_strategy='up' is not supported; it must be"),
        ({"data_format": "channels_first"}, "data_format='channels_first' is not supported"),
    ],
)
def test_layers_of_hgq(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"^fc1 \(HGQ>HConv2D\): .*{message}"):
        read("HGQ>HConv2D", **changes)


def test_weights_without_names_and_missing_bits() -> None:
    with pytest.raises(UnsupportedError, match=r"weights without names; save HGQ models as \.h5"):
        read("HGQ>HDense", {"0": np.ones(3)})
    config, arrays = NEEDED["HGQ>HDense"]
    left = {k: v for k, v in arrays.items() if k != "kernel_bw"}
    with pytest.raises(ModelError, match="the weight kernel_bw is missing; the file has "):
        READERS["HGQ>HDense"](LayerSpec("fc1", "HGQ>HDense", config, left))


def test_bits_are_rounded_to_even_and_signs_are_not_counted() -> None:
    bits = {f"iq/quantizer/{i}": np.array([[v, v + 1]]) for i, v in enumerate((1.5, 2.5, 0.0))}
    first = read("hgq>QDense", bits, iq_conf=quantizer(round_mode="S_RND_CONV"))[0].layer
    assert isinstance(first, ElementQuantizer)
    types = first.types
    assert types.integer is not None
    assert (types.integer.tolist(), types.fraction.tolist()) == ([2, 2], [2, 4])
    assert types.signed.tolist() == [0, 1]
    assert (types.rounding, types.overflow) == (Rounding.RND_CONV, Overflow.SAT)
