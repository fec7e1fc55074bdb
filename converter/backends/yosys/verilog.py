"""What instances and modules a design of ours is made of, read from its Verilog.

It reads what this converter prints, one instance or module head per line's beginning, and is no
reader of Verilog in general.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_MODULE = re.compile(r"^module\s+(\w+).*?^endmodule", re.DOTALL | re.MULTILINE)
_INSTANCE = re.compile(r"^\s*(\w+)\s*(?:#\s*\(([^;]*?)\)\s*)?\b(\w+)\s*\(", re.MULTILINE)
_PARAMETER = re.compile(r"\.(\w+)\s*\(([^()]*)\)")
_WORD = re.compile(r"\w+")
_COMMENT_LINE = re.compile(r"^\s*//.*\n", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*")
_HEAD = re.compile(r"^module\s+\w+.*?\);", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Instance:
    """``module #(parameters) name (...)`` in the text of another module, which ``text`` begins."""

    name: str
    module: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def modules(files: Iterable[str]) -> dict[str, str]:
    """Text by name of all modules in some files, without lines of comment."""
    bodies = (_COMMENT_LINE.sub("", text) for text in files)
    return {m[1]: m[0] for text in bodies for m in _MODULE.finditer(text)}


def instances(text: str, known: Mapping[str, str]) -> list[Instance]:
    """The instances in a module's text of modules that are ``known``, in order."""
    return [
        Instance(m[3], m[1], dict(_PARAMETER.findall(m[2] or "")), m[0])
        for m in _INSTANCE.finditer(text)
        if m[1] in known
    ]


def closure(known: Mapping[str, str], top: str) -> list[str]:
    """``top`` and all modules below it, each before those that only it names."""
    found, todo = [], [top]
    while todo:
        name = todo.pop()
        if name not in found:
            found.append(name)
            words = set(_WORD.findall(_COMMENT.sub("", known[name])))
            todo += sorted(words & set(known), reverse=True)
    return found


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A module's text with modules' names replaced, in its head and its instances."""
    if not names:
        return text
    word = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"^(\s*(?:module\s+)?)({word})\b(?=\s*[#\w(])", re.MULTILINE)
    return pattern.sub(lambda m: f"{m[1]}{names[m[2]]}", text)


def stub(text: str, name: str, parameters: Mapping[str, str]) -> str:
    """The head of a module alone, under another name and with other defaults: a black box."""
    head = _HEAD.search(text)
    if head is None:
        return ""
    lines = re.sub(r"^module\s+\w+", f"module {name}", _COMMENT.sub("", head[0]))
    for key, value in parameters.items():
        lines = re.sub(rf"(\bparameter\b[^=]*\b{key}\s*=\s*)[^,\n)]+", rf"\g<1>{value}", lines)
    return f"{lines}\nendmodule\n"
