"""Owns the shape of `Dataset.settings`: one typed reader, one validator, the defaults of every key.

Stored is only what somebody chose; the reader fills in the rest, and takes a stored value that is no longer valid for
not chosen, so that an old row can always be read. What comes from people goes through `checked_settings`, which
refuses with the path of every fault and returns what to store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar, cast, get_args

from support.errors import InvalidInput

ChunkMode = Literal["general", "parent_child", "qa"]
ParentMode = Literal["section", "paragraph", "document"]
SizeUnit = Literal["characters", "tokens"]
Method = Literal["hybrid", "semantic", "full_text"]
Fusion = Literal["weighted", "rrf"]
T = TypeVar("T")

SIZES = (40, 4_000)
PARENT_SIZES = (200, 20_000)
MAX_RULES = 20
MAX_PATTERN = 300
MAX_SEPARATORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentSettings:
    """What a found child brings along: its section, its paragraph, or the whole document."""

    mode: ParentMode = "section"
    size: int = 4_000
    """Characters; a longer parent becomes several. Not used for whole documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """Where questions and answers come from: two columns of a table, or a model that is asked to write them."""

    question: str = ""
    answer: str = ""
    """Names of the columns; empty means the ones that are called so, else the first two."""
    model: str = ""
    """The chat model that writes pairs for a document without such a table; empty means the team's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingSettings:
    """How documents are cut. `size` is what is embedded as one: a chunk, or with parents a child."""

    mode: ChunkMode = "general"
    size: int = 500
    unit: SizeUnit = "characters"
    overlap: int = 0
    """Characters that a chunk repeats of the one before."""
    separators: tuple[str, ...] = ()
    """Where to cut first; the built-in ones come after these."""
    parent: ParentSettings = field(default_factory=ParentSettings)
    pairs: PairSettings = field(default_factory=PairSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningRule:
    """A regular expression and what replaces its matches."""

    pattern: str
    replace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningSettings:
    """What is removed from a text before it is cut; characters that cannot be seen or stored always are."""

    spaces: bool = True
    urls_emails: bool = False
    tables: bool = False
    """Read the ruled tables of PDF pages as tables, too."""
    rules: tuple[CleaningRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankSettings:
    """A model that orders the best candidates anew, and for how long it is waited for."""

    model: str
    timeout: float = 5.0
    candidates: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSettings:
    """How the dataset is searched unless the caller says otherwise."""

    method: Method = "hybrid"
    top_k: int = 5
    lexical_weight: float | None = None
    """None: by what the embedding model is worth for the language. The vectors weigh the rest."""
    fusion: Fusion = "weighted"
    min_score: float | None = None
    rerank: RerankSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSettings:
    """All of it."""

    chunking: ChunkingSettings = field(default_factory=ChunkingSettings)
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)


def read_settings(stored: Mapping[str, Any] | None) -> DatasetSettings:
    """What a row holds, with the defaults; never raises."""
    return _Reading(stored or {}).settings()


def settings_of_document(dataset: Mapping[str, Any] | None, document: Mapping[str, Any] | None) -> DatasetSettings:
    """What its dataset says, where a document does not say otherwise itself."""
    return read_settings({**(dataset or {}), **(document or {})})


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What to store for values that somebody gave. Raises InvalidInput, with every fault by its path."""
    reading = _Reading(given)
    settings = reading.settings()
    if reading.faults:
        lines = [f"{path}: {fault}" for path, fault in reading.faults.items()]
        raise InvalidInput(" ".join(lines), errors=[{"path": path, "message": m} for path, m in reading.faults.items()])
    stored = as_stored(settings)
    return {part: stored[part] for part in stored if part in given or _old_keys(part, given)}


def as_stored(settings: DatasetSettings) -> dict[str, Any]:
    """The reverse of `read_settings`."""
    retrieval = asdict(settings.retrieval)
    lexical = retrieval.pop("lexical_weight")
    retrieval["weights"] = None if lexical is None else {"lexical": lexical, "vector": round(1 - lexical, 6)}
    return {
        "chunking": _plain(asdict(settings.chunking)),
        "cleaning": _plain(asdict(settings.cleaning)),
        "retrieval": retrieval,
    }


class _Reading:
    """Reads one mapping and notes what is wrong with it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.faults: dict[str, str] = {}

    def settings(self) -> DatasetSettings:
        for unknown in set(self._given) - {"chunking", "cleaning", "retrieval", "chunk"}:
            self.faults[str(unknown)] = "is not a setting."
        return DatasetSettings(
            chunking=self._chunking(_Part(self, self._given, "chunking")),
            cleaning=self._cleaning(_Part(self, self._given, "cleaning")),
            retrieval=self._retrieval(_Part(self, self._given, "retrieval")),
        )

    def _chunking(self, part: _Part) -> ChunkingSettings:
        old = self._given.get("chunk")  # what datasets of the first version hold
        if isinstance(old, Mapping) and not part.values:
            renamed = {"size": old.get("target_chars", 500), "overlap": old.get("overlap", 0)}
            part = _Part(self, {"chunking": renamed}, "chunking")
        size = part.number("size", default=500, low=SIZES[0], high=SIZES[1])
        unit = part.choice("unit", SizeUnit, default="characters")
        parent, pairs = part.inner("parent"), part.inner("pairs")
        read = ChunkingSettings(
            mode=part.choice("mode", ChunkMode, default="general"),
            size=size,
            unit=unit,
            overlap=part.number("overlap", default=0, low=0, high=size // 2 if unit == "characters" else size),
            separators=part.texts("separators", most=MAX_SEPARATORS, longest=20),
            parent=ParentSettings(
                mode=parent.choice("mode", ParentMode, default="section"),
                size=parent.number("size", default=4_000, low=PARENT_SIZES[0], high=PARENT_SIZES[1]),
            ),
            pairs=PairSettings(question=pairs.text("question"), answer=pairs.text("answer"), model=pairs.text("model")),
        )
        for each, known in ((parent, {"mode", "size"}), (pairs, {"question", "answer", "model"})):
            each.refuse_others(known)
        part.refuse_others({"mode", "size", "unit", "overlap", "separators", "parent", "pairs"})
        return read

    def _cleaning(self, part: _Part) -> CleaningSettings:
        read = CleaningSettings(
            spaces=part.flag("spaces", default=True),
            urls_emails=part.flag("urls_emails", default=False),
            tables=part.flag("tables", default=False),
            rules=part.rules("rules"),
        )
        if not part.flag("control", default=True):
            self.faults["cleaning.control"] = "is not a choice: control characters are always removed."
        part.refuse_others({"spaces", "urls_emails", "control", "tables", "rules"})
        return read

    def _retrieval(self, part: _Part) -> RetrievalSettings:
        rerank = part.inner("rerank")
        model = rerank.text("model")
        read = RetrievalSettings(
            method=part.choice("method", Method, default="hybrid"),
            top_k=part.number("top_k", default=5, low=1, high=100),
            lexical_weight=part.lexical_weight(),
            fusion=part.choice("fusion", Fusion, default="weighted"),
            min_score=part.share("min_score"),
            rerank=RerankSettings(
                model=model,
                timeout=rerank.seconds("timeout", default=5.0, high=60.0),
                candidates=rerank.number("candidates", default=40, low=2, high=200),
            )
            if model
            else None,
        )
        rerank.refuse_others({"model", "timeout", "candidates"})
        part.refuse_others({"method", "top_k", "weights", "lexical_weight", "fusion", "min_score", "rerank"})
        return read


class _Part:
    """One object of the settings; every reader returns the default where what is there cannot be used."""

    def __init__(self, reading: _Reading, given: Mapping[str, Any], name: str, *, path: str = "") -> None:
        self._reading, self._path = reading, f"{path}{name}"
        values = given.get(name)
        self.values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}
        if values is not None and not isinstance(values, Mapping):
            reading.faults[self._path] = "must be an object."

    def inner(self, name: str) -> _Part:
        return _Part(self._reading, self.values, name, path=f"{self._path}.")

    def number(self, name: str, *, default: int, low: int, high: int) -> int:
        return self._read(
            name,
            default,
            lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
            f"must be a whole number from {low} to {high}.",
        )

    def seconds(self, name: str, *, default: float, high: float) -> float:
        return float(
            self._read(name, default, lambda value: _is_number(value) and 0 < value <= high, f"must be up to {high}.")
        )

    def share(self, name: str) -> float | None:
        value = self._read(
            name, None, lambda value: value is None or (_is_number(value) and value >= 0), "must be a number from 0."
        )
        return None if value is None else float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        return self._read(name, default, lambda value: isinstance(value, bool), "must be true or false.")

    def text(self, name: str) -> str:
        return self._read(
            name, "", lambda value: isinstance(value, str) and len(value) <= 200, "must be a text of up to 200."
        ).strip()

    def choice(self, name: str, of: Any, *, default: str) -> Any:
        options = get_args(of)
        return self._read(name, default, lambda value: value in options, f"must be one of {', '.join(options)}.")

    def texts(self, name: str, *, most: int, longest: int) -> tuple[str, ...]:
        def good(value: object) -> bool:
            return (
                isinstance(value, (list, tuple))
                and len(value) <= most
                and all(isinstance(each, str) and 0 < len(each) <= longest for each in value)
            )

        return tuple(self._read(name, (), good, f"must be a list of up to {most} texts of up to {longest}."))

    def lexical_weight(self) -> float | None:
        weights = self.values.get("weights")
        value = weights.get("lexical") if isinstance(weights, Mapping) else self.values.get("lexical_weight")
        if value is None or (_is_number(value) and 0 <= value <= 1):
            return None if value is None else float(value)
        self._reading.faults[f"{self._path}.weights.lexical"] = "must be a number from 0 to 1."
        return None

    def rules(self, name: str) -> tuple[CleaningRule, ...]:
        given = self.values.get(name) or ()
        if not isinstance(given, (list, tuple)) or len(given) > MAX_RULES:
            self._reading.faults[f"{self._path}.{name}"] = f"must be a list of up to {MAX_RULES} rules."
            return ()
        rules = [self._rule(each, f"{self._path}.{name}[{at}]") for at, each in enumerate(given)]
        return tuple(rule for rule in rules if rule is not None)

    def _rule(self, given: object, path: str) -> CleaningRule | None:
        pattern = given.get("pattern") if isinstance(given, Mapping) else None
        replace = given.get("replace", "") if isinstance(given, Mapping) else None
        if not isinstance(pattern, str) or not isinstance(replace, str) or not 0 < len(pattern) <= MAX_PATTERN:
            self._reading.faults[path] = f"needs a pattern of up to {MAX_PATTERN} characters and a text to replace it."
            return None
        try:
            re.compile(pattern).sub(replace, "")
        except (re.error, IndexError) as exc:
            self._reading.faults[path] = f"is not a regular expression: {exc}."
            return None
        return CleaningRule(pattern=pattern, replace=replace)

    def refuse_others(self, known: set[str]) -> None:
        for unknown in set(self.values) - known:
            self._reading.faults[f"{self._path}.{unknown}"] = "is not a setting."

    def _read(self, name: str, default: T, good: Callable[[Any], bool], fault: str) -> T:
        value = self.values.get(name, default)
        if value is default or value is None or good(value):
            return default if value is None else cast(T, value)
        self._reading.faults[f"{self._path}.{name}"] = fault
        return default


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _old_keys(part: str, given: Mapping[str, Any]) -> bool:
    return part == "chunking" and "chunk" in given


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Lists for tuples, as JSON has them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
