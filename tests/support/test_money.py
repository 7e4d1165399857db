"""Amounts read the same wherever they are written."""

from decimal import Decimal

import pytest

from support import money


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "$0"),
        ("0.5", "$0.50"),
        ("0.851", "$0.851"),
        (Decimal("0.00042"), "$0.00042"),
        (Decimal("0.9999"), "$1.00"),
        ("12.3", "$12.30"),
        (1204.1, "$1,204.10"),
        ("-2.5", "-$2.50"),
        ("0.0000001", "< $0.000001"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_amounts_have_the_digits_that_say_something(amount, words):
    assert money.in_words(amount) == words


def test_each_currency_has_its_sign_or_its_code():
    assert money.in_words("0.0012", "CNY") == "¥0.0012"
    assert money.in_words(2, "EUR") == "€2.00"
    assert money.in_words(2, "CHF") == "CHF 2.00"
    assert money.in_words("0.31", at_least=True) == "≥ $0.31"
