"""Layers of all frameworks: what is read, what they compute, and what units they become."""

from __future__ import annotations

from collections.abc import Callable

from converter.layers.activation import read_leaky_relu, read_relu, read_softmax
from converter.layers.batchnorm import read_batchnorm
from converter.layers.dense import read_dense, read_qdense
from converter.layers.identity import read_identity
from converter.layers.input import read_input
from converter.layers.quantized import read_activation
from converter.layers.reshape import read_flatten
from converter.layers.spec import LayerSpec, Part

READERS: dict[str, Callable[[LayerSpec], tuple[Part, ...]]] = {
    "Activation": read_activation,
    "BatchNormalization": read_batchnorm,
    "Dense": read_dense,
    "Dropout": read_identity,
    "Flatten": read_flatten,
    "InputLayer": read_input,
    "LeakyReLU": read_leaky_relu,
    "QActivation": read_activation,
    "QDense": read_qdense,
    "ReLU": read_relu,
    "Softmax": read_softmax,
}
"""Class name in Keras 2, Keras 3 or QKeras -> reader."""
