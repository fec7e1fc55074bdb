"""Reading HDF5 from strangers: no links out of the file, and no more bytes than are sane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from converter.errors import ModelError
from converter.layers.base import Real
from converter.layers.spec import shown

MAX_BYTES = 1 << 31
"""Limit of all weights of a file, as float64."""

FREE_CHUNK = 1 << 24
"""A chunk, which the library unpacks whole, may exceed its array up to this many bytes."""

MAX_TEXT = 1 << 26
"""Limit of a text attribute, in bytes."""


@dataclass
class Source:
    """An open file. ``left`` bytes of weights may still be read."""

    label: str
    file: h5py.File
    left: int = field(default=MAX_BYTES)

    def group(self, parent: h5py.Group, path: str) -> h5py.Group:
        """The group at ``path`` under ``parent``. Raises ModelError."""
        found = self._walk(parent, path)
        if not isinstance(found, h5py.Group):
            raise ModelError(f"{self.label}: {shown(found.name)} must be a group")
        return found

    def has(self, parent: h5py.Group, name: str) -> bool:
        """True where ``parent`` has ``name``, wherever a link of it may lead."""
        with guarded(self.label):
            return parent.get(name, getlink=True) is not None

    def children(self, parent: h5py.Group) -> list[str]:
        """Names in a group, sorted."""
        with guarded(self.label):
            return sorted(parent.keys())

    def array(self, parent: h5py.Group, path: str) -> Real:
        """The numbers at ``path`` under ``parent`` as float64. Raises ModelError."""
        data = self._walk(parent, path)
        if not isinstance(data, h5py.Dataset):
            raise ModelError(f"{self.label}: {shown(data.name)} must hold numbers, but is a group")
        with guarded(self.label):
            self._check(data)
            self.left -= data.size * 8
            return np.asarray(data[()], dtype=np.float64)

    def text(self, owner: h5py.Group, name: str) -> str | None:
        """The text attribute ``name``, or None where there is none."""
        value = self._attribute(owner, name)
        if value is None:
            return None
        if isinstance(value, bytes | np.bytes_):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise ModelError(f"{self.label}: the attribute {name} must be text")
        return value

    def names(self, owner: h5py.Group, name: str) -> list[str] | None:
        """The list of names in attribute ``name``, which Keras splits when it is long."""
        whole = self._strings(owner, name)
        if whole is not None:
            return whole
        chunks: list[str] = []
        number = 0
        while (chunk := self._strings(owner, f"{name}{number}")) is not None:
            chunks += chunk
            number += 1
        return chunks if number else None

    def _strings(self, owner: h5py.Group, name: str) -> list[str] | None:
        found = self._attribute(owner, name)
        if found is None:
            return None
        value = np.asarray(found)
        if value.size == 0:
            return []
        if value.ndim != 1 or value.dtype.kind not in "SUO":
            raise ModelError(f"{self.label}: the attribute {name} must be a list of names")
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in value]

    def _attribute(self, owner: h5py.Group, name: str) -> object:
        with guarded(self.label):
            if name not in owner.attrs:
                return None
            stored = owner.attrs.get_id(name)
            if prod(stored.shape) * stored.dtype.itemsize > MAX_TEXT:
                raise ModelError(f"{self.label}: the attribute {name} exceeds {MAX_TEXT} bytes")
            return owner.attrs[name]

    def _walk(self, parent: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
        """Step by step, so that every link is seen before it is followed."""
        here: h5py.Group | h5py.Dataset = parent
        for step in path.split("/"):
            inside = isinstance(here, h5py.Group) and step != ""
            with guarded(self.label):
                link = here.get(step, getlink=True) if inside else None
            if link is None:
                raise ModelError(f"{self.label}: {shown(path)} is missing in {shown(parent.name)}")
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"{self.label}: {shown(path)} is a link to elsewhere, which is not followed"
                )
            with guarded(self.label):
                here = here[step]
        return here

    def _check(self, data: h5py.Dataset) -> None:
        if data.dtype.kind not in "fiu":
            raise ModelError(
                f"{self.label}: {shown(data.name)} must hold numbers, not {data.dtype}"
            )
        if data.is_virtual or data.external:
            raise ModelError(
                f"{self.label}: {shown(data.name)} keeps its data in another file, which is not "
                "opened"
            )
        if data.shape is None or data.size * 8 > self.left:
            raise ModelError(
                f"{self.label}: {shown(data.name)} of shape {data.shape} exceeds the limit of "
                f"{MAX_BYTES} bytes for all weights"
            )
        chunk = prod(data.chunks) * data.dtype.itemsize if data.chunks else 0
        if chunk > max(FREE_CHUNK, data.nbytes):
            raise ModelError(
                f"{self.label}: {shown(data.name)} of {data.nbytes} bytes is stored in a chunk of "
                f"{chunk}"
            )


@contextmanager
def opened(label: str, source: Path | BinaryIO) -> Iterator[Source]:
    """Open an HDF5 file for reading. Raises ModelError."""
    with guarded(label):
        file = h5py.File(source, "r")
    try:
        yield Source(label, file)
    finally:
        file.close()


@contextmanager
def guarded(label: str) -> Iterator[None]:
    """Failures of the library, which a damaged file causes, become a ModelError."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        reason = shown(str(error), 200) or type(error).__name__
        raise ModelError(f"{label}: not a readable HDF5 file, or damaged: {reason}") from None
