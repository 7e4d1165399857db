"""Both catalogues are complete, agree with the sources and are compiled."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from console import catalogues

LANGUAGES = sorted(catalogues.LANGUAGES)
PLACEHOLDER = re.compile(
    r"%%"  # an escaped percent sign is no placeholder, and not the begin of one
    r"|%\([a-z_]+\)[sdrf]"  # %(name)s
    r"|%[sdrf]"  # %s
    r"|\{\{.*?\}\}|\{[a-z_]+\}"  # {name}, and {{ references }} that are shown as they are
    r"|</?[a-z][^>]*>"  # HTML
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Chinese beside a Latin letter or a digit without the space between them.
SQUEEZED = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
#: Signs of English sentences at the end of, or within, a Chinese one.
ENGLISH_PUNCTUATION = re.compile(r"[\u4e00-\u9fff][,.;:?!(]|[,;:?!)][\u4e00-\u9fff]")
#: Functions and which of their arguments are texts.
FUNCTIONS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), slice(0, 1)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), slice(0, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), slice(1, 2)),
}
#: What is the same in Chinese: names, formats and units.
SAME = {
    "Parquet",
    "p < 0.001",
    "%(name)s · %(set)s v%(n)s · %(when)s",
    "API",
    "JSON",
    "null",
    "300 ms",
    "1 s",
    "3 s",
    "10 s",
    "30 s",
    "p50 180 ms",
    "%(n)s s",
    "%(n)s ms",
    "%(n)s µs",
    "SHA-256",
    "p95",
    "×%(n)s",
    "× {n}",
    "%(n)s %%",
    "ms",
    "OpenTelemetry",
    "langfuse SDK",
}


def catalogue(language: str) -> Catalog:
    with catalogues.po_path(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def entries(language: str) -> Iterator[tuple[Message, list[str], list[str]]]:
    """Every entry with its forms in the source and its forms in the language."""
    for message in catalogue(language):
        if message.id:
            yield message, forms_of(message.id), forms_of(message.string)


def forms_of(text: str | Sequence[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def python_files() -> Iterator[Path]:
    for folder in ("apps", "platform"):
        yield from (catalogues.ROOT / folder).rglob("*.py")


def literals(tree: ast.AST) -> Iterator[str]:
    """What gettext functions are called with, read without gettext's own tools."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            for argument in node.args[FUNCTIONS[node.func.id]]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def key(message: Message) -> tuple[str | None, tuple[str, ...]]:
    """What the product looks a string up by: its context, and the text or both its forms."""
    context = message.context
    # Babel reads the context of a compiled entry as bytes.
    return context.decode() if isinstance(context, bytes) else context, tuple(forms_of(message.id))


def placeholders(text: str) -> list[str]:
    return sorted(found for found in PLACEHOLDER.findall(text) if found != "%%")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_of_the_sources_is_in_the_catalogue_and_no_other(language: str) -> None:
    if missing := catalogues.missing_tools():
        pytest.skip(f"GNU gettext is not installed: {', '.join(missing)}")
    collected = read_po(BytesIO(catalogues.template("en").encode()))
    wanted = {key(message) for message in collected if message.id}
    present = {key(message) for message in catalogue(language) if message.id}
    assert wanted - present == set(), "run `make messages` and translate what is new"
    assert present - wanted == set(), "run `make messages`"


def test_every_literal_that_the_code_looks_up_is_in_the_catalogues_letter_by_letter() -> None:
    present = {text for message, source, _forms in entries("en") for text in source}
    looked_up = {text for path in python_files() for text in literals(ast.parse(path.read_text(encoding="utf-8")))}
    assert len(looked_up) > 300
    assert any("…" in text for text in looked_up)
    assert looked_up - present == set(), "run `make messages` and translate what is new"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_entry_is_empty_or_a_guess(language: str) -> None:
    for message, _source, forms in entries(language):
        assert all(forms), f"not translated: {message.id!r}"
        assert not message.fuzzy, f"a guess: {message.id!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_forms_of_the_language(language: str) -> None:
    expected = int(re.findall(r"nplurals=(\d)", catalogues.LANGUAGES[language])[0])
    counted = [len(forms) for _message, source, forms in entries(language) if len(source) > 1]
    assert counted
    assert set(counted) == {expected}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_tags_survive_translation(language: str) -> None:
    for message, source, forms in entries(language):
        for index, form in enumerate(forms):
            # The one Chinese form stands for the plural, which names the number; the English singular may not.
            original = source[-1] if len(forms) == 1 else source[index]
            assert placeholders(form) == placeholders(original), f"{message.id!r} -> {form!r}"


def test_english_says_what_the_sources_say() -> None:
    for _message, source, forms in entries("en"):
        assert forms == source


def test_chinese_is_chinese_with_its_own_punctuation_and_spacing() -> None:
    for _message, source, forms in entries("zh_Hans"):
        for form in forms:
            if source[0] not in SAME:
                assert form != source[0], f"left in English: {form!r}"
            plain = PLACEHOLDER.sub("", re.sub(r"`[^`]*`", "", form))
            if CHINESE.search(plain):
                assert not SQUEEZED.search(plain), f"no space between Chinese and Latin: {form!r}"
                assert not ENGLISH_PUNCTUATION.search(plain), f"English punctuation: {form!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    with catalogues.mo_path(language).open("rb") as file:
        compiled = read_mo(file)
    shipped = {key(message): forms_of(message.string) for message in compiled if message.id}
    written = {key(message): forms_of(message.string) for message in catalogue(language) if message.id}
    assert shipped == written, "run `make messages`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_carry_no_dates_and_no_line_numbers(language: str) -> None:
    text = catalogues.po_path(language).read_text(encoding="utf-8")
    assert "Date:" not in text
    assert not re.search(r"^#: .*:\d+", text, re.MULTILINE)
    assert "#~" not in text
