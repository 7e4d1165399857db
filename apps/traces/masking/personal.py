"""Rules for personal data: addresses, numbers of phones, cards, accounts and people. Each team says which it wants."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from apps.traces.masking.rules import Family, Formed, Rule

#: Enough digits in a row, with at most two signs between them, to be any of the numbers below.
_DIGITS = re.compile(r"[0-9](?:[ .()\-]{0,2}[0-9]){7}").search
_DOTTED = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]").search
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:").search
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _only_digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def is_card_number(found: str) -> bool:
    """Whether the digits begin as cards do, are as many, and their check digit is right (Luhn)."""
    digits = _only_digits(found)
    size, head, two = len(digits), digits[:1], digits[:2]
    fits = (
        (head == "4" and size in (13, 16, 19))
        or (("51" <= two <= "55" or "22" <= two <= "27") and size == 16)
        or (two in ("34", "37") and size == 15)
        or (two in ("30", "36", "38") and size == 14)
        or (two in ("35", "60", "62", "64", "65", "81") and 16 <= size <= 19)
    )
    return fits and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_chinese_id(found: str) -> bool:
    """Whether the last place of an 18-digit identity number is what follows from the others (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(found[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == found[17].upper()


def is_phone_number(found: str) -> bool:
    """Whether there are as many digits as phones have."""
    return 8 <= len(_only_digits(found)) <= 15


def is_iban(found: str) -> bool:
    """Whether the check digits of an account number are right (ISO 13616)."""
    plain = found.replace(" ", "").upper()
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def is_address_of_somebody(found: str) -> bool:
    """Whether it is an IP address, and not one that means this very machine or none."""
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


_EMAIL = Formed(
    name="email",
    gate=lambda text: "@" in text,
    pattern=re.compile(
        r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])"
    ),
)
_CHINESE_ID = Formed(
    name="id number",
    gate=_DIGITS,
    pattern=re.compile(
        r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])",
        re.ASCII,
    ),
    check=is_chinese_id,
)
_SSN = Formed(
    name="id number",
    gate=_DIGITS,
    pattern=re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", re.ASCII),
)
_CARD = Formed(
    name="card",
    gate=_DIGITS,
    pattern=re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII),
    check=is_card_number,
)
_IBAN = Formed(
    name="bank account",
    gate=_DIGITS,
    pattern=re.compile(
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", re.ASCII
    ),
    check=is_iban,
)
_PHONE = Formed(
    name="phone",
    gate=_DIGITS,
    pattern=re.compile(
        # China: a mobile number, or a landline with its area; North America; any with a country in front.
        r"(?<![\w.-])(?:\+?86[ -]?)?1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4})(?![\w-])"
        r"|(?<![\w.-])0\d{2,3}-\d{7,8}(?![\w-])"
        r"|(?<![\w.-])(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}(?![\w-])"
        r"|(?<![\w.])\+\d[\d ().\-]{6,22}\d(?![\w-])",
        re.ASCII,
    ),
    check=is_phone_number,
)
_IP4 = Formed(
    name="ip address",
    gate=_DOTTED,
    pattern=re.compile(r"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w]|\.\d)", re.ASCII),
    check=is_address_of_somebody,
)
_IP6 = Formed(
    name="ip address",
    gate=_COLONS,
    pattern=re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])", re.ASCII),
    check=is_address_of_somebody,
)

#: What a team may choose -> the rules for it, in the order in which they must look: an id is no phone.
PERSONAL: dict[str, tuple[Formed, ...]] = {
    "email": (_EMAIL,),
    "id_number": (_CHINESE_ID, _SSN),
    "card": (_CARD, _IBAN),
    "phone": (_PHONE,),
    "ip": (_IP4, _IP6),
}


def personal_rules(chosen: Collection[str]) -> tuple[Rule, ...]:
    """The rules for what was chosen; those with one gate ask it once."""
    rules = [rule for name, each in PERSONAL.items() if name in chosen for rule in each]
    numbers = tuple(rule for rule in rules if rule.gate is _DIGITS)
    rest = tuple(rule for rule in rules if rule.gate is not _DIGITS)
    family = (Family(name="numbers", gate=lambda text: _DIGITS(text) is not None, rules=numbers),) if numbers else ()
    return (*rest, *family)
