"""Damage of every kind to a good file, for tests of what reads files."""

from hypothesis import strategies as st

#: What parsers stumble over: signs of the formats, numbers, control characters, broken UTF-8.
_PIECES = [
    *(b":61:", b":86:", b":20:", b"-\n", b"?20", b"//", b"RC", b"RD", b"D", b"C", b",", b".", b"0"),
    *(b"<", b">", b"</Ntry>", b"<Ntry>", b"<Amt>", b"&x;", b"&#0;", b"<!--", b"]]>", b"9999999999"),
    *(b"\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b";", b"'", b"-1", b"VND", b"USD"),
    *(b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"e5", b" ", b"\t", "đ".encode(), "\u0663".encode()),
]


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with one to four faults: bytes cut out, doubled, put in, lines taken out."""
    content = good
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["cut", "double", "put", "replace", "end", "line"]))
        piece = draw(st.sampled_from(_PIECES) | st.binary(min_size=1, max_size=3))
        if kind == "cut":
            content = content[:at] + content[at + length :]
        elif kind == "double":
            content = content[: at + length] + content[at:]
        elif kind == "put":
            content = content[:at] + piece + content[at:]
        elif kind == "replace":
            content = content[:at] + piece + content[at + len(piece) :]
        elif kind == "end":
            content = content[:at]
        else:
            lines = content.splitlines(keepends=True)
            if lines:
                lines.pop(draw(st.integers(0, len(lines) - 1)))
            content = b"".join(lines)
    return content
