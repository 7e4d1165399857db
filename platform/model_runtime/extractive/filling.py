"""Fills a JSON Schema in from a text, by what stands there and nothing else: labels, numbers, choices, names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from model_runtime.extractive.tasks import best_label, told_labels
from model_runtime.words import content_terms, normalise

#: There is no value for this in the text.
NOTHING: Final = object()
Schema = Mapping[str, Any]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")
_COUNTED = "zero 零,one 一,two 二 两,three 三,four 四,five 五,six 六,seven 七,eight 八,nine 九,ten 十"
_NUMBER_WORDS = {word: number for number, words in enumerate(_COUNTED.split(",")) for word in words.split()}
_WORD = re.compile(r"[^\W\d_]+")
_YES, _NO = re.compile(r"yes|true|on\b|是|对", re.I), re.compile(r"no\b|not\b|false|off\b|否|不", re.I)
_NEGATION = re.compile(r"\b(?:no|not|never|without|don't|doesn't|isn't)\b|n't\b|不|没|无", re.I)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s<>\"'）)]+")
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}\.? (?:January|February|March|April|May|June|July|August"
    r"|September|October|November|December)(?: \d{4})?|\d{4}年\d{1,2}月\d{1,2}日"
)
_PHONE = re.compile(r"\+?\d[\d ()/-]{6,}\d")
#: What is read of a text, and how: the patterns below take long over much white space.
_LONGEST: Final = 20_000
_SPACES = re.compile(r"\s{3,}")
_SUM = re.compile(r"[-+*/^%×÷().\d\s]+")
_OPERATION = re.compile(r"\d\s*\)*\s*[-+*/^%×÷]+\s*[(-]*\s*\d")
_SHAPES: Final = (
    (re.compile(r"e-?mail|邮箱|邮件", re.I), _EMAIL),
    (re.compile(r"\bur[il]\b|\blink\b|web ?(?:page|site)|address of|网址|链接", re.I), _URL),
    (re.compile(r"\bdate\b|\bday\b|\bwhen\b|日期", re.I), _DATE),
    (re.compile(r"phone|telephone|mobile|电话|手机", re.I), _PHONE),
)
_WHOLE = re.compile(r"^(?:query|question|q|text|input|content|message|prompt|keywords?|search|topic)$", re.I)
_CALCULATES = re.compile(r"expression|formula|calculat|算式|表达式", re.I)
_CAPITALISED = r"((?:[A-Z][\w'-]+)(?:\s+[A-Z][\w'-]+)*)"
_NAMED: Final = (
    (
        re.compile(r"\b(?:city|place|country|destination|town|location)\b|\bwhere\b|城市|地点|目的地", re.I),
        re.compile(
            rf"\b(?:to|in|from|at|near|for)\s+{_CAPITALISED}"
            r"|(?:去|到|在)([\u4e00-\u9fff]{2,4}?)(?=玩|旅|出差|住|待|，|。|的|$)"
        ),
    ),
    (
        re.compile(r"\bname\b|\bwho\b|\bperson\b|姓名|名字", re.I),
        re.compile(
            rf"(?:[Mm]y name is|I am|I'm|[Tt]his is|called)\s+{_CAPITALISED}|我(?:叫|是)([\u4e00-\u9fff]{{2,4}})"
        ),
    ),
)


def fill(schema: Schema, text: str, *, instructions: str = "", whole: bool = False) -> Any:
    """A value of the schema as far as the text says; `whole` puts something empty where it says nothing but must."""
    value = _Filling(schema, text, instructions, whole).value(schema, "", required=whole)
    return None if value is NOTHING else value


class _Filling:
    """One text, looked through for the values of one schema."""

    def __init__(self, root: Schema, text: str, instructions: str, whole: bool) -> None:
        self._root = root
        self._text = _SPACES.sub(lambda found: found[0][:1], text[:_LONGEST])
        self._instructions = instructions
        self._whole = whole
        self._depth = 0

    def value(self, schema: Schema, name: str, *, required: bool) -> Any:
        """The value that the text holds for a part of the schema."""
        schema = self._plain(schema)
        about = f"{_spaced(name)} {schema.get('title', '')} {schema.get('description', '')}"
        found: Any = NOTHING
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list):
            found = self._choice([option for option in schema["enum"] if option is not None], name, required=required)
        elif self._depth < 8:
            found = self._typed(schema, name, about)
        return self._empty(schema) if found is NOTHING and required else found

    def _typed(self, schema: Schema, name: str, about: str) -> Any:
        match _type_of(schema):
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema, name, about)
            case "string":
                return self._string(name, about)
            case "number" | "integer" as kind:
                found = self._number(name, about)
                return int(found) if kind == "integer" and found is not NOTHING else found
            case "boolean":
                return self._boolean(name, about)
        return NOTHING

    def _plain(self, schema: Schema) -> Schema:
        """Without references and alternatives: the first that is not null."""
        for _ in range(8):
            reference = schema.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                found: Any = self._root
                for part in reference[2:].split("/"):
                    found = found.get(part, {}) if isinstance(found, Mapping) else {}
                schema = found if isinstance(found, Mapping) else {}
                continue
            options = schema.get("anyOf") or schema.get("oneOf")
            real = [each for each in options or () if isinstance(each, Mapping) and each.get("type") != "null"]
            if not real:
                break
            schema = {**{key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}, **real[0]}
        return schema

    def _object(self, schema: Schema) -> dict[str, Any]:
        required = set(schema.get("required") or ()) if self._whole else set()
        filled: dict[str, Any] = {}
        self._depth += 1
        for name, part in (schema.get("properties") or {}).items():
            if isinstance(part, Mapping):
                value = self.value(part, name, required=name in required)
                if value is not NOTHING and (value not in ({}, []) or name in required):
                    filled[name] = value
        self._depth -= 1
        return filled

    def _array(self, schema: Schema, name: str, about: str) -> Any:
        items = self._plain(schema.get("items") or {})
        if isinstance(items.get("enum"), list):
            return [option for option in items["enum"] if _mentions(self._text, str(option))] or NOTHING
        if _type_of(items) in ("number", "integer"):
            return [_as_number(found) for found in _NUMBER.findall(self._text)] or NOTHING
        if _type_of(items) == "object":
            one = self._object(items)
            return [one] if one else NOTHING
        written = self._labelled(name, to="[.\n。；;]|$")
        if written is NOTHING:
            return re.findall(r"[\"“「]([^\"”」]{1,200})[\"”」]", self._text) or NOTHING
        return [part.strip() for part in re.split(r",|，|、|\band\b|和", written) if part.strip()]

    def _choice(self, options: Sequence[Any], name: str, *, required: bool) -> Any:
        labelled = self._labelled(name)
        for text in (labelled, self._text):
            mentioned = [option for option in options if text is not NOTHING and _mentions(text, str(option))]
            if len(mentioned) == 1:
                return mentioned[0]
        told = told_labels(self._instructions)
        labels = {str(option): told.get(str(option), "") for option in options}
        chosen = best_label(labels, self._text, sure=not required)
        return next((option for option in options if str(option) == chosen), NOTHING)

    def _string(self, name: str, about: str) -> Any:
        for speaks_of, shape in _SHAPES:
            if speaks_of.search(about) and (found := shape.search(self._text)):
                return found[0].strip().rstrip(".,")
        if _CALCULATES.search(about) and (calculation := _calculation(self._text)):
            return calculation
        if (labelled := self._labelled(name)) is not NOTHING:
            return labelled
        for speaks_of, shape in _NAMED:
            if speaks_of.search(about) and (found := shape.search(self._text)):
                return next(filter(None, found.groups()))
        return self._text.strip() if _WHOLE.match(name) and self._text.strip() else NOTHING

    def _number(self, name: str, about: str) -> Any:
        labelled = self._labelled(name)
        if labelled is not NOTHING and (found := _NUMBER.search(labelled)):
            return _as_number(found[0])
        wanted = set(content_terms(about))
        there = [(found.start(), found.end(), _as_number(found[0])) for found in _NUMBER.finditer(self._text)]
        there += [
            (found.start(), found.end(), _NUMBER_WORDS[found[0].lower()])
            for found in _WORD.finditer(self._text)
            if found[0].lower() in _NUMBER_WORDS
        ]
        scored = [
            (len(wanted & set(content_terms(self._text[end : end + 25]))) * 2
             + len(wanted & set(content_terms(self._text[max(0, start - 25) : start]))), -start, number)
            for start, end, number in there
        ]  # fmt: skip
        if not scored:
            return NOTHING
        best = max(scored)
        return best[2] if best[0] or len(scored) == 1 else NOTHING

    def _boolean(self, name: str, about: str) -> Any:
        labelled = self._labelled(name)
        if labelled is not NOTHING:
            if _NO.match(labelled):
                return False
            if _YES.match(labelled):
                return True
        wanted = set(content_terms(about))
        for found in _WORD.finditer(self._text):
            if wanted & set(content_terms(found[0])):
                return not _NEGATION.search(self._text[max(0, found.start() - 16) : found.start()])
        return NOTHING

    def _labelled(self, name: str, *, to: str = r"[,.;\n，。；]|\s+and\s|$") -> Any:
        """What stands behind the name: `city: Rome`, `the city is Rome`."""
        words = _spaced(name)
        if not words:
            return NOTHING
        found = re.search(
            rf"(?:^|\b|(?<=\W)){re.escape(words)}\s*(?::|：|=|\bis\b|\bare\b|是|为)\s*(.+?)\s*(?:{to})",
            self._text,
            re.I,
        )
        return found[1] if found else NOTHING

    def _empty(self, schema: Schema) -> Any:
        """What says nothing: null where that may stand, else something empty. A choice has to be one of its options."""
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return None if None in schema["enum"] else schema["enum"][0]
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds:
            return None
        empty: dict[str, Any] = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
        return empty.get(_type_of(schema))


def _calculation(text: str) -> str:
    """The longest stretch of a text that can be worked out."""
    found = [part.strip(" .\n\t") for part in _SUM.findall(text) if _OPERATION.search(part)]
    return max(found, key=len, default="")


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((str(each) for each in kind if each != "null"), "")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else ""
    return str(kind)


def _as_number(text: str) -> int | float:
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _spaced(name: str) -> str:
    """A key as words: `travelClass` and `travel_class` are both `travel class`."""
    return re.sub(r"[_-]+|(?<=[a-z])(?=[A-Z])", " ", name).strip().lower()


def _mentions(text: str, option: str) -> bool:
    words = re.escape(normalise(_spaced(option)))
    return bool(words) and re.search(rf"(?<![a-z0-9]){words}(?![a-z0-9])", normalise(text)) is not None
