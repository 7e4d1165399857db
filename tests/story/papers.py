"""Documents whose facts exist nowhere else, so that a right answer can only come from them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A5
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

#: Heading, the page's one fact, and what stands around it.
MANUAL = (
    ("The Marrowind kelp loom", "The Marrowind kelp loom was built by Odalys Ferrant in the harbour of Tresk in 1911.",
     "This manual is for those who run it today."),
    ("Power", "A brass turbine of 37 kilowatts drives the loom.",
     "The belt runs through the north wall. Nobody crosses it while the bell rings."),
    ("Drying drum", "The drying drum turns 114 times a minute.",
     "Slower drying leaves salt in the fibre, and salt makes the cloth stiff."),
    ("Water", "The rinsing trough takes 640 litres of seawater an hour.",
     "The intake lies below the low-water mark and is swept by the tide."),
    ("Carding brushes", "The carding brushes are replaced after 90 days of weaving.",
     "They are made of horsehair from Lindmoor and hang in the loft until they are needed."),
    ("Grease", "The main bearing is greased with Halvard 12 and with nothing else.",
     "The tin stands on the sill of the engine room. Wipe the cup before it is filled."),
    ("Lamps", "When the red lamp blinks five times, the shuttle is jammed: pull the green lever and wait.",
     "A white lamp means that the loom is at rest."),
    ("Crew", "Three people run the loom: a feeder, a watcher and a knotter.",
     "They change places at every second tide, so that nobody stares at the weave for too long."),
    ("Weight", "The loom weighs 4,870 kilograms and is moved on six oak sledges.",
     "The floor of the old shed does not bear it."),
    ("Noise", "At full speed the loom makes 83 decibels beside the frame.",
     "Wax for the ears lies in the drawer under the clock."),
    ("Insurance", "The loom is insured under the policy number KL-55902.",
     "Damage by storm is reported within two days, with a drawing."),
    ("End of life", "The copper drum goes back to the foundry of Ostergarth when the loom is scrapped.",
     "The wood may be burned. The turbine stays with the mill."),
)  # fmt: skip

CHINESE = (
    ("霜花纺机", "霜花纺机由工程师陆见秋于1926年在白鹭港制造。", "本手册供操作人员阅读。"),
    ("冷却", "霜花纺机的冷却槽每小时需要二百一十五升泉水。", "泉水取自山后的石井，水温不得高于十度。"),
    ("保养", "霜花纺机的主轴每四十二天上一次桐油。", "上油之前先把轴擦干净。"),
)  # fmt: skip


def write_manual(folder: Path) -> Path:
    """Twelve pages about an invented machine, one fact on each."""
    return _write(folder / "kelp-loom.pdf", _pdf(MANUAL, font="Helvetica"))


def write_chinese_manual(folder: Path) -> Path:
    """Three pages in Chinese about another one."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    return _write(folder / "霜花纺机手册.pdf", _pdf(CHINESE, font="STSong-Light"))


def write_encrypted(folder: Path) -> Path:
    """A PDF that needs a password."""
    return _write(folder / "locked.pdf", _pdf(MANUAL[:1], font="Helvetica", password="open sesame"))


def write_broken(folder: Path) -> Path:
    """A PDF that was cut off in the middle of its first page."""
    return _write(folder / "broken.pdf", _pdf(MANUAL, font="Helvetica")[:300])


def write_empty(folder: Path) -> Path:
    """A file without a byte."""
    return _write(folder / "empty.pdf", b"")


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _pdf(pages: Sequence[tuple[str, str, str]], *, font: str, password: str = "") -> bytes:
    file = io.BytesIO()
    head = ParagraphStyle("head", fontName=font, fontSize=18, leading=24, spaceAfter=12)
    body = ParagraphStyle(
        "body", fontName=font, fontSize=11, leading=16, spaceAfter=10, wordWrap="CJK" if font[:2] == "ST" else None
    )
    story = []
    for heading, fact, around in pages:
        story += [Paragraph(heading, head), Paragraph(fact, body), Paragraph(around, body), PageBreak()]
    SimpleDocTemplate(file, pagesize=A5, encrypt=StandardEncryption(password, canPrint=0) if password else None).build(
        story[:-1]
    )
    return file.getvalue()
