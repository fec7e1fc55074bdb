"""Names from outside, made into identifiers that C++, Verilog, Tcl and file systems take."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 48

_ENDS = """
    beat beats biases body config copy entries expected exps index inverses lanes levels offsets
    out reads scales slopes sources stores t table thresholds values weights writes
"""

SUFFIXES = frozenset(_ENDS.split())
"""Last words that generated code puts after a name; a name that ends so itself gets one more."""

_WORDS = """
    alignas alignof and and_eq asm assert auto bitand bitor bool break case catch char class
    compl const constexpr const_cast continue decltype default delete do double dse dynamic_cast
    else enum errno explicit export extern false float for friend goto half hls if inline int
    linux unix long main major minor mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast return short signed sizeof static
    static_assert static_cast std stderr stdin stdout struct switch template this thread_local
    throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
    while xor xor_eq
    always assign automatic begin buf bufif0 bufif1 cell cmos config deassign defparam design
    disable edge end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify
    endtable endtask event force forever fork function generate genvar highz0 highz1 ifnone incdir
    include initial inout input instance integer join large liblist library localparam
    macromodule medium module nand negedge nmos nor noshowcancelled notif0 notif1 output
    parameter pmos posedge primitive pull0 pull1 pulldown pullup pulsestyle_ondetect
    pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
    scalared showcancelled small specify specparam strong0 strong1 supply0 supply1 table task
    time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg use vectored wait wand weak0
    weak1 while wire wor bit byte logic
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 size ssize ptrdiff wchar char16 char32
    int_least8 int_least16 int_least32 int_least64 int_fast8 int_fast16 int_fast32 int_fast64
    uint_least8 uint_least16 uint_least32 uint_least64 uint_fast8 uint_fast16 uint_fast32
    uint_fast64 intptr uintptr intmax uintmax max_align off loff mode dev ino nlink id pid uid
    gid key clock clockid timer suseconds useconds blksize blkcnt fsblkcnt fsfilcnt fsid daddr
    caddr quad u_quad u_int8 u_int16 u_int32 u_int64 register sigset locale fpos fpos64 div ldiv
    lldiv pthread va_list mbstate wint wctype wctrans sig_atomic float double cookie_io_functions
    comparison error_code socklen in_addr
    aux con nul prn
    abort abs acos asin atan atan2 atexit atof atoi atol bcmp bcopy bsearch bzero calloc ceil
    clearerr cos cosh cpp exit exp fabs fclose feof ferror fflush fgetc fgets floor fmod fopen
    fprintf fputc fputs fread free freopen frexp fscanf fseek ftell fwrite getc getchar getenv
    index isalnum isalpha labs ldexp log log10 malloc memchr memcmp memcpy memmove memset modf
    perror pow printf putc putchar puts qsort rand random read realloc remove rename rewind
    rindex round scanf select signal sin sinh sleep sprintf sqrt srand sscanf strcat strchr strcmp
    strcpy strlen strtol swab system tan tanh tmpfile tmpnam toupper tolower ungetc usleep write y0
    y1 yn j0 j1 jn gamma lgamma tgamma erf erfc cbrt exp2 expm1 fdim fma fmax fmin hypot ilogb log2
    log1p logb lrint nan nearbyint remquo rint scalbn trunc link unlink open close pipe dup
    access alarm tb bridge defines parameters
"""

RESERVED = frozenset(_WORDS.split())
"""Words of C++, Verilog, the C library and file systems, which no generated name may be."""

_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")


def identifier(name: str, kind: str = "layer") -> str:
    """One identifier of a name: ASCII letters, digits and single underscores.

    Upper-case words become lower case, since they may be macros. The result is not
    unique; see ``identifiers``. ``kind`` goes to a name that is none or has another meaning.
    """
    text = _NOT_WORD.sub("_", name).strip("_")[:MAX_LENGTH].rstrip("_")
    if text.isupper():
        text = text.lower()
    if not text or text[0].isdigit():
        text = f"{kind}_{text}".rstrip("_")
    _, underscore, last = text.rpartition("_")
    if (underscore and last.rstrip("0123456789") in SUFFIXES) or text.lower() in RESERVED:
        text += f"_{kind}"
    return text


def identifiers(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """An identifier for each name, all different, also where case does not count, and other
    than those ``taken``.

    Depends on nothing but the names and their order; the first of several that look
    alike keeps the plain form.
    """
    used = {text.lower() for text in taken}
    out: dict[str, str] = {}
    for name in names:
        base = identifier(name)
        text, count = base, 1
        while text.lower() in used:
            count += 1
            text = f"{base}_n{count}"
        used.add(text.lower())
        out[name] = text
    return out


def comment(text: str) -> str:
    """A name as it may stand in a one-line comment of any language."""
    return re.sub(r"[^A-Za-z0-9 _.,:<>()\[\]+-]", "_", text)[:80]
