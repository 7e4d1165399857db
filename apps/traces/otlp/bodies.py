"""Opens bodies: gzip and deflate, never beyond the limit, whatever a small body would grow to."""

from __future__ import annotations

import zlib

from support.errors import InvalidInput, TooLarge

#: What a body may measure, before and after it is decompressed.
LIMIT = 20 * 1024 * 1024
_GZIP = zlib.MAX_WBITS | 16
_STEP = 1024 * 1024
#: Compressed pieces one after the other; each costs a look at all that follows, and nobody needs more.
_MOST_MEMBERS = 64


class EncodingNotTaken(InvalidInput):
    """A content encoding that is not spoken here."""

    code = "unsupported_media_type"
    http_status = 415


def opened(body: bytes, *, encoding: str, limit: int = LIMIT) -> bytes:
    """The body as it was before it was compressed. Raises TooLarge, InvalidInput, EncodingNotTaken."""
    if len(body) > limit:
        raise too_large(limit)
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflated(body, wbits=_GZIP, limit=limit)
        case "deflate":
            # Two things are called deflate; the one with a header begins with 0x78 nearly always.
            return _inflated(body, wbits=zlib.MAX_WBITS if body[:1] == b"\x78" else -zlib.MAX_WBITS, limit=limit)
        case other:
            raise EncodingNotTaken(f"The content encoding {other[:40]!r} is not taken. Send gzip, deflate or none.")


def too_large(limit: int = LIMIT) -> TooLarge:
    """The refusal of a body."""
    return TooLarge(f"The body is larger than {limit:,} bytes, as sent or decompressed. Send smaller batches.")


def _inflated(body: bytes, *, wbits: int, limit: int) -> bytes:
    """All members of the stream, one after the other."""
    pieces: list[bytes] = []
    size = 0
    rest = body
    members = 0
    while rest:
        members += 1
        if members > _MOST_MEMBERS:
            raise InvalidInput(f"A compressed body has at most {_MOST_MEMBERS} members.")
        stream = zlib.decompressobj(wbits)
        while True:
            try:
                piece = stream.decompress(rest, min(_STEP, limit + 1 - size))
            except zlib.error as exc:
                raise InvalidInput("The body is not compressed as its Content-Encoding says.") from exc
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            rest = stream.unconsumed_tail
            if stream.eof or (not rest and not piece):
                break
        if not stream.eof:
            raise InvalidInput("The compressed body ends before it is complete.")
        rest = stream.unused_data
    return b"".join(pieces)
