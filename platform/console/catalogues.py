"""Collecting every translatable string of the sources into the catalogues, and compiling these.

Works on copies in a temporary directory, so nothing but the catalogues themselves is ever written. The outcome
depends on the sources and the translations only: no dates, no line numbers, no guessed ("fuzzy") translations.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LOCALE = Path(__file__).resolve().parent / "locale"
SOURCE_LANGUAGE = "en"
#: Language directory -> its rule for plurals, as gettext writes it.
LANGUAGES = {"en": "nplurals=2; plural=(n != 1);", "zh_Hans": "nplurals=1; plural=0;"}
SOURCES = {"apps": "*.py", "platform": "*.py", "templates": "*.html"}
TOOLS = ("xgettext", "msguniq", "msgmerge", "msgattrib", "msgen", "msgfmt")
KEYWORDS = (
    "gettext_noop",
    "gettext_lazy",
    "ngettext_lazy:1,2",
    "pgettext:1c,2",
    "pgettext_lazy:1c,2",
    "npgettext:1c,2,3",
    "npgettext_lazy:1c,2,3",
)
_STABLE = ("--no-wrap", "--add-location=file")
_HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: Skep\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def missing_tools() -> list[str]:
    """The programs of GNU gettext that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def po_path(language: str) -> Path:
    """Where the text of a catalogue is."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def mo_path(language: str) -> Path:
    """Where a compiled catalogue is: what the product reads."""
    return po_path(language).with_suffix(".mo")


def collect() -> str:
    """Every translatable string of the sources as entries of a catalogue, without a header."""
    with tempfile.TemporaryDirectory() as name:
        copies = Path(name)
        paths = sorted(_copy_sources(copies))
        (copies / "files").write_text("\n".join(paths), encoding="utf-8")
        keywords = [f"--keyword={keyword}" for keyword in KEYWORDS]
        options = ["--language=Python", "--from-code=UTF-8", "--add-comments=Translators"]
        command = ["xgettext", *options, *keywords, *_STABLE, "--files-from=files", "--output=-"]
        # Its header is dropped here and not by an option, which would drop every letter beyond ASCII, too.
        return _run(command, folder=copies).replace(".html.py", ".html").partition("\n\n")[2]


def template(language: str) -> str:
    """An empty catalogue of the language with every string of the sources once."""
    # xgettext may name a string twice when its places disagree about how it is formatted.
    return _run(["msguniq", *_STABLE, "-"], text=_header(language) + collect())


def update(language: str) -> None:
    """Bring one catalogue up to date; what is translated stays, new strings are empty (English: as in the source)."""
    target = po_path(language)
    with tempfile.TemporaryDirectory() as name:
        fresh, known, merged = (Path(name) / file for file in ("fresh.pot", "known.po", "merged.po"))
        fresh.write_text(template(language), encoding="utf-8")
        if language == SOURCE_LANGUAGE:
            text = _run(["msgen", *_STABLE, str(fresh)])
        else:
            known.write_text(target.read_text(encoding="utf-8") if target.exists() else _header(language), "utf-8")
            _run(["msgmerge", "-q", "--no-fuzzy-matching", *_STABLE, "-o", str(merged), str(known), str(fresh)])
            text = _run(["msgattrib", "--no-obsolete", *_STABLE, str(merged)])
    target.parent.mkdir(parents=True, exist_ok=True)
    # An editor of catalogues leaves its dates and its name in the header; ours never changes.
    target.write_text(_header(language) + text.partition("\n\n")[2], encoding="utf-8")


def compile_catalogue(language: str) -> None:
    """Write the compiled catalogue; the same text gives the same bytes."""
    target = mo_path(language)
    _run(["msgfmt", "--check", "--no-hash", "--endianness=little", "-o", str(target), str(po_path(language))])


def _copy_sources(target: Path) -> Iterator[str]:
    """Copy what is to be read; templates become the Python that Django makes of them for xgettext."""
    for folder, pattern in SOURCES.items():
        for path in (ROOT / folder).rglob(pattern):
            relative = path.relative_to(ROOT)
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".html":
                relative, text = relative.with_name(relative.name + ".py"), templatize(text)
            copy = target / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
            yield str(relative)


def _header(language: str) -> str:
    return _HEADER.format(language=language, plurals=LANGUAGES[language])


def _run(command: list[str], *, folder: Path | None = None, text: str | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - our own command lines
        command, cwd=folder, input=text, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
