"""QKeras' quantizers from a model file: as objects, or as text like ``quantized_bits(4,0)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from converter.errors import UnsupportedError
from converter.layers.quantizer_arguments import READERS, SIGNATURES, Arguments
from converter.layers.quantizers import Alpha, Quantizer
from converter.layers.spec import LayerSpec, shorten


def read_weight_quantizer(spec: LayerSpec, key: str, fitted: bool) -> Quantizer | None:
    """The quantizer of weights in attribute ``key``; None where there is none, or where its
    qnoise_factor is 0, for which it changes nothing.

    ``fitted``: a quantizer without alpha gets ``auto_po2``, as QKeras does for kernels.
    """
    found = find_quantizer(spec, key)
    if found is None:
        spec.only(key, None)
        return None
    name, inner = found
    quantizer = READERS[name](Arguments(inner, fitted))
    return None if _noise(inner) == 0 else quantizer


def read_activation_quantizer(spec: LayerSpec, key: str) -> tuple[str, Quantizer] | None:
    """Name and quantizer of an activation; None where the attribute is a plain function.

    Raises UnsupportedError where the scale depends on the data, batch by batch.
    """
    found = find_quantizer(spec, key)
    if found is None:
        return None
    name, inner = found
    quantizer = READERS[name](Arguments(inner))
    if quantizer.from_data:
        alpha = Alpha(inner.get("alpha")).value
        raise UnsupportedError(
            f"{inner.where}: alpha={alpha} is not supported for an activation, whose scale would "
            "come from each batch of data; use alpha=1"
        )
    if quantizer.form() is None:
        raise inner.unsupported("alpha", inner.get("alpha"))
    if _noise(inner) == 0:
        raise UnsupportedError(
            f"{inner.where}: qnoise_factor=0 is not supported for an activation, as nothing is "
            "quantised then; set it to 1, as at the end of training"
        )
    return name, quantizer


def _noise(spec: LayerSpec) -> float:
    """How much of the quantisation counts: 0 or 1."""
    factor = spec.number("qnoise_factor", 1.0)
    if factor not in (0.0, 1.0):
        raise UnsupportedError(
            f"{spec.where}: qnoise_factor={factor} is not supported, as values are then only "
            "in part quantised; set it to 1, as at the end of training"
        )
    return factor


def find_quantizer(spec: LayerSpec, key: str) -> tuple[str, LayerSpec] | None:
    """Class name and arguments of the quantizer in attribute ``key``."""
    value = spec.get(key)
    name: object
    config: object
    if isinstance(value, str) and value.split("(")[0].strip() in SIGNATURES:
        name, config = _parse_text(spec, key, value)
    elif isinstance(value, Mapping) and "class_name" in value:
        name, config = value["class_name"], value.get("config", {})
    elif value is None or (isinstance(value, str) and "(" not in value):
        return None
    else:
        raise spec.unsupported(key, value)
    if name == "function" and isinstance(config, str):  # a function that Keras does not know
        name, config = config, {}
    if not isinstance(name, str) or name not in READERS:
        raise UnsupportedError(f"{spec.where}: {key} {shorten(name)} is not supported")
    if not isinstance(config, Mapping):
        raise spec.bad(key, config, "a quantizer's arguments")
    return name, spec.inner(key, name, config)


def _parse_text(spec: LayerSpec, key: str, text: str) -> tuple[str, dict[str, Any]]:
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if match is None:
        raise spec.bad(key, text, "a quantizer such as quantized_bits(4,0)")
    name, inner = match.group(1), match.group(2) or ""
    names, config = SIGNATURES[name], {}
    for position, word in enumerate(w for w in inner.split(",") if w.strip()):
        argument, _, literal = word.rpartition("=")
        if not argument and position >= len(names):
            raise spec.bad(key, text, f"a quantizer of at most {len(names)} arguments")
        config[argument.strip() or names[position]] = _literal(spec, key, literal.strip())
    return name, config


def _literal(spec: LayerSpec, key: str, word: str) -> object:
    if word in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[word]
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    try:
        return int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
    except ValueError:
        raise spec.bad(key, word, "a number, a flag or a quoted word") from None
