"""A project: files in memory and the commands that build them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from converter.errors import RunError


@dataclass(frozen=True)
class Project:
    """An immutable file tree. Keys of ``files`` are relative POSIX paths.

    ``backend`` names the tool family, ``top`` the top-level function or module.
    """

    name: str
    backend: str
    top: str
    files: Mapping[str, str | bytes] = field(repr=False)

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or "\\" in path:
                raise RunError(f"{path!r} is not a path inside the project")

    @property
    def digest(self) -> str:
        """Hash of every path and byte: equal digests are equal designs."""
        text = hashlib.sha256(f"{self.backend}\0{self.top}\0".encode())
        for path in sorted(self.files):
            body = self.files[path]
            data = body.encode() if isinstance(body, str) else body
            text.update(f"{path}\0{len(data)}\0".encode() + data)
        return text.hexdigest()

    def write(self, folder: Path) -> None:
        """Write all files below ``folder``, which is made where it is missing."""
        for path, body in self.files.items():
            target = folder / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body.encode() if isinstance(body, str) else body)
            except OSError as error:
                raise RunError(f"{target}: cannot write: {error.strerror}") from error
