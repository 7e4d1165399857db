"""The parameters that a model is asked with: what a document may say, and what references in them give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from apps.workflows.engine.errors import WrongType
from apps.workflows.engine.node import Use, own_keys
from apps.workflows.engine.variables import Reference, Template, Values
from apps.workflows.nodes.shapes import Schema, closed

_PENALTY: Final[Schema] = {"type": "number", "minimum": -2, "maximum": 2}
_PARAMETERS: Final[Mapping[str, Schema]] = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "top_k": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
    "min_p": {"type": "number", "minimum": 0, "maximum": 1},
    "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "repetition_penalty": {"type": "number", "minimum": 0, "maximum": 10},
    "seed": {"type": "integer"},
    "stop": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 16},
    "response_format": {"enum": ["text", "json_object"]},
    "reasoning_effort": {"type": "string", "minLength": 1, "maxLength": 20},
    "enable_thinking": {"type": "boolean"},
}
_INSERTS: Final[Schema] = {"type": "string", "pattern": r"\{\{"}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "array": (list, tuple),
}


def _or_inserted(shape: Schema) -> Schema:
    """A parameter, or a text that inserts it from a reference."""
    return {"if": _INSERTS, "then": {"format": "template", "maxLength": 400}, "else": shape}


MODEL: Final[Schema] = closed(
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        **{name: _or_inserted(shape) for name, shape in _PARAMETERS.items()},
        #: Parameters of one provider, sent as they are.
        "extra": {"type": "object"},
    },
    required=["name"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model, and the parameters it is asked with; those that are `inserted` are known at run time only."""

    name: str
    parameters: Mapping[str, Any]
    inserted: Mapping[str, Template]

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Model:
        parameters = own_keys(config)
        inserted = {name: Template.parse(text) for name, text in parameters.items() if _inserts(name, text)}
        return cls(name=parameters.pop("name"), parameters=parameters, inserted=inserted)

    def at(self, values: Values) -> Model:
        """The model with its references followed. Raises WrongType where one gives what cannot be sent."""
        if not self.inserted:
            return self
        found = {name: _checked(name, _value(template, values)) for name, template in self.inserted.items()}
        return replace(self, parameters={**self.parameters, **found}, inserted={})

    def process(self) -> dict[str, Any]:
        """What a run shows of it before it has answered."""
        return {
            "model": self.name,
            "requested_model": self.name,
            "provider": None,
            "parameters": dict(self.parameters),
        }


def model_uses(config: Mapping[str, Any]) -> Iterator[Use]:
    """The references that a model's parameters make."""
    for name, text in config.items():
        if _inserts(name, text):
            for reference in Template.parse(text).references():
                yield Use(pointer=f"/model/{name}", reference=reference)


def inserts(value: Any) -> bool:
    """Whether a parameter is a text that inserts something."""
    return isinstance(value, str) and "{{" in value


def _inserts(name: str, value: Any) -> bool:
    return name in _PARAMETERS and inserts(value)


def _value(template: Template, values: Values) -> Any:
    """One reference alone gives its value as it is; with anything around it, it becomes part of a text."""
    if len(template.segments) == 1 and isinstance(template.segments[0], Reference):
        return values.get(template.segments[0])
    return template.render(values)


def _checked(name: str, value: Any) -> Any:
    """The value, if the document could have said it. What it is otherwise is told by its type: it may be a secret."""
    shape = _PARAMETERS[name]
    kind = shape.get("type", "string")
    items = shape.get("items")
    is_right = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if is_right and items is not None:
        is_right = all(isinstance(item, str) and item for item in value)
    if not is_right:
        raise WrongType(field=f"model.{name}", expected=_expected(shape), got=_name(value))
    size = value if kind in ("number", "integer") else len(value) if kind in ("string", "array") else 0
    low = shape.get("minimum", shape.get("minLength"))
    high = shape.get("maximum", shape.get("maxLength", shape.get("maxItems")))
    is_within = (low is None or low <= size) and (high is None or size <= high)
    if not is_within or value not in shape.get("enum", (value,)):
        got = f"{value:g}" if kind in ("number", "integer") else f"another {_name(value)}"
        raise WrongType(field=f"model.{name}", expected=_expected(shape), got=got)
    return value


def _expected(shape: Schema) -> str:
    if "enum" in shape:
        return "one of " + ", ".join(shape["enum"])
    words = {
        "number": "a number",
        "integer": "a whole number",
        "boolean": "true or false",
        "string": "a text",
        "array": "a list of texts",
    }[shape["type"]]
    if "maximum" in shape:
        return f"{words} from {shape['minimum']} to {shape['maximum']}"
    limit = shape.get("maxLength", shape.get("maxItems"))
    return words if limit is None else f"{words} of at most {limit}"


def _name(value: Any) -> str:
    names = {"NoneType": "null", "str": "text", "dict": "object", "tuple": "list", "float": "number", "int": "number"}
    return names.get(type(value).__name__, type(value).__name__)
