"""Owns numbering equal things among many, in memory that does not grow with what is seen once."""

from collections import Counter

_BITS = 26
_PROBES = 4
_DIGITS = -(-_BITS * _PROBES // 4)
_MASK = (1 << _BITS) - 1


class Equals:
    """How many equal digests came before; what came once is kept as a few bits of 8 MB.

    Among a million digests a dozen may be taken for known that are not. They are numbered from 1 instead of from 0,
    which is as good: no two equal ones ever get the same number.
    """

    def __init__(self) -> None:
        self._seen = bytearray(1 << (_BITS - 3))
        self._repeated: Counter[str] = Counter()

    def number(self, digest: str) -> int:
        """The number of this one among its equals; `digest` is hexadecimal."""
        places, is_known = int(digest[:_DIGITS], 16), True
        for _ in range(_PROBES):
            byte, bit = (places & _MASK) >> 3, 1 << (places & 7)
            is_known = is_known and bool(self._seen[byte] & bit)
            self._seen[byte] |= bit
            places >>= _BITS
        if not is_known:
            return 0
        self._repeated[digest] += 1
        return self._repeated[digest]
