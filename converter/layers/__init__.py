"""Layers of all frameworks: what is read, what they compute, and what units they become."""

from __future__ import annotations

from collections.abc import Callable

from converter.layers import hgq, hgq2
from converter.layers.activation_reading import (
    read_elu,
    read_leaky_relu,
    read_relu,
    read_thresholded_relu,
)
from converter.layers.batchnorm import read_batchnorm
from converter.layers.concatenate import read_concatenate
from converter.layers.conv import read_conv1d, read_conv2d
from converter.layers.dense import read_dense, read_qdense
from converter.layers.depthwise import (
    read_depthwise_conv1d,
    read_depthwise_conv2d,
    read_separable_conv1d,
    read_separable_conv2d,
)
from converter.layers.dot import read_dot
from converter.layers.embedding import read_embedding
from converter.layers.identity import read_identity
from converter.layers.input import read_input
from converter.layers.layernorm import read_layernorm
from converter.layers.merge import read_merge, read_merge_operation
from converter.layers.padding import read_cropping, read_up_sampling, read_zero_padding
from converter.layers.pooling import read_global_pooling, read_pooling
from converter.layers.prelu import read_prelu
from converter.layers.qkeras import (
    read_qaverage_pooling2d,
    read_qconv1d,
    read_qconv2d,
    read_qconv2d_transpose,
    read_qdepthwise_conv2d,
    read_qglobal_average_pooling2d,
    read_qseparable_conv1d,
    read_qseparable_conv2d,
)
from converter.layers.qkeras_batchnorm import (
    read_qbatchnorm,
    read_qconv2d_batchnorm,
    read_qdepthwise_conv2d_batchnorm,
)
from converter.layers.quantized import read_activation
from converter.layers.reshape import (
    read_flatten,
    read_permute,
    read_repeat_vector,
    read_reshape,
)
from converter.layers.softmax import read_softmax
from converter.layers.spec import LayerSpec, Part
from converter.layers.transpose import read_conv1d_transpose, read_conv2d_transpose

READERS: dict[str, Callable[[LayerSpec], tuple[Part, ...]]] = {
    "Activation": read_activation,
    "ActivityRegularization": read_identity,
    "Add": read_merge,
    "AlphaDropout": read_identity,
    "Average": read_merge,
    "AveragePooling1D": read_pooling,
    "AveragePooling2D": read_pooling,
    "BatchNormalization": read_batchnorm,
    "Concatenate": read_concatenate,
    "Conv1D": read_conv1d,
    "Conv1DTranspose": read_conv1d_transpose,
    "Conv2D": read_conv2d,
    "Conv2DTranspose": read_conv2d_transpose,
    "Cropping1D": read_cropping,
    "Cropping2D": read_cropping,
    "Dense": read_dense,
    "DepthwiseConv1D": read_depthwise_conv1d,
    "DepthwiseConv2D": read_depthwise_conv2d,
    "Dot": read_dot,
    "Dropout": read_identity,
    "ELU": read_elu,
    "Embedding": read_embedding,
    "Flatten": read_flatten,
    "GaussianDropout": read_identity,
    "GaussianNoise": read_identity,
    "GlobalAveragePooling1D": read_global_pooling,
    "GlobalAveragePooling2D": read_global_pooling,
    "GlobalMaxPooling1D": read_global_pooling,
    "GlobalMaxPooling2D": read_global_pooling,
    "InputLayer": read_input,
    "LayerNormalization": read_layernorm,
    "LeakyReLU": read_leaky_relu,
    "MaxPooling1D": read_pooling,
    "MaxPooling2D": read_pooling,
    "Maximum": read_merge,
    "Minimum": read_merge,
    "Multiply": read_merge,
    "PReLU": read_prelu,
    "Permute": read_permute,
    "QActivation": read_activation,
    "QAveragePooling2D": read_qaverage_pooling2d,
    "QBatchNormalization": read_qbatchnorm,
    "QConv1D": read_qconv1d,
    "QConv2D": read_qconv2d,
    "QConv2DBatchnorm": read_qconv2d_batchnorm,
    "QConv2DTranspose": read_qconv2d_transpose,
    "QDense": read_qdense,
    "QDepthwiseConv2D": read_qdepthwise_conv2d,
    "QDepthwiseConv2DBatchnorm": read_qdepthwise_conv2d_batchnorm,
    "QGlobalAveragePooling2D": read_qglobal_average_pooling2d,
    "QSeparableConv1D": read_qseparable_conv1d,
    "QSeparableConv2D": read_qseparable_conv2d,
    "ReLU": read_relu,
    "RepeatVector": read_repeat_vector,
    "Reshape": read_reshape,
    "SeparableConv1D": read_separable_conv1d,
    "SeparableConv2D": read_separable_conv2d,
    "Softmax": read_softmax,
    "SpatialDropout1D": read_identity,
    "SpatialDropout2D": read_identity,
    "Subtract": read_merge,
    "ThresholdedReLU": read_thresholded_relu,
    "UpSampling1D": read_up_sampling,
    "UpSampling2D": read_up_sampling,
    "ZeroPadding1D": read_zero_padding,
    "ZeroPadding2D": read_zero_padding,
    "ops.Add": read_merge_operation,
    "ops.Concatenate": read_concatenate,
    "ops.Maximum": read_merge_operation,
    "ops.Minimum": read_merge_operation,
    "ops.Multiply": read_merge_operation,
    "ops.Subtract": read_merge_operation,
    **hgq.READERS,
    **hgq2.READERS,
}
"""Class name in Keras 2, Keras 3, QKeras, HGQ or HGQ2 -> reader."""
