"""question-classifier: go on by the class that a model puts a text into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import ReplyShape
from apps.workflows.engine.variables import Template
from apps.workflows.nodes.about_a_text import Question, question_uses
from apps.workflows.nodes.asking import ABOUT_A_TEXT, ask, text_uses
from apps.workflows.nodes.json_reply import NotJson, read_json
from apps.workflows.nodes.shapes import NAME, SOURCE, TEXT, closed
from apps.workflows.nodes.thinking import apart

_KEY: Final = "class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """One way on: what the texts of this class are like."""

    id: str
    name: Template
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionClassifier:
    """An answer that names no class, or none at all, counts as the first class; the run shows that it did."""

    question: Question
    classes: tuple[Class, ...]

    async def run(self, context: NodeContext) -> NodeResult:
        names = [each.name.render(context.values).strip() for each in self.classes]
        request = await self.question.request(self._task(names), context)
        said = await ask(replace(request, shape=self._shape()), context)
        found = self._found(said.text, names)
        chosen = self.classes[found or 0]
        context.process = {**context.process, "reply": said.text, "recognised": found is not None}
        return NodeResult(
            outputs={
                "class_id": chosen.id,
                "class_name": names[found or 0],
                "class_label": chosen.label,
                "usage": None if context.usage is None else context.usage.values(),
            },
            handle=chosen.id,
        )

    def _task(self, names: Sequence[str]) -> str:
        listed = "\n".join(f"- {each.id}: {name}" for each, name in zip(self.classes, names, strict=True))
        return (
            "You sort texts: classify the text that you are given as exactly one of these classes. Each is listed as "
            f"its id and what belongs in it.\n\n{listed}\n\n"
            "Choose the one that fits best, also when none fits well. Reply with a JSON object that holds the id of "
            f'the class and nothing else, such as {{"{_KEY}": "{self.classes[0].id}"}}.'
        )

    def _shape(self) -> ReplyShape:
        schema = {
            "type": "object",
            "properties": {_KEY: {"type": "string", "enum": [each.id for each in self.classes]}},
            "required": [_KEY],
            "additionalProperties": False,
        }
        return ReplyShape(name="classification", schema=schema, strict=True)

    def _found(self, text: str, names: Sequence[str]) -> int | None:
        """The number of the class that a reply names: by its id, else by its name or label."""
        try:
            given = list(_words(read_json(text)))
        except NotJson:
            given = []
        said, _ = apart(text)
        for word in [*given, said]:
            if (found := self._named(word, names)) is not None:
                return found
        return self._mentioned(said, names)

    def _named(self, word: str, names: Sequence[str]) -> int | None:
        plain = _plain(word)
        ids, labels = ([each.id for each in self.classes], [each.label for each in self.classes])
        for called in (ids, names, labels):
            for at, name in enumerate(called):
                if plain and plain == _plain(name):
                    return at
        return None

    def _mentioned(self, said: str, names: Sequence[str]) -> int | None:
        """The only class whose name or id the sentence holds."""
        words = f" {_plain(said)} "
        found = [
            at
            for at, each in enumerate(self.classes)
            if any(f" {_plain(name)} " in words for name in (each.id, names[at]) if _plain(name))
        ]
        return found[0] if len(found) == 1 else None


def _words(value: Any) -> Iterator[str]:
    """The texts and numbers of a reply; those under the key that was asked for come first."""
    if isinstance(value, Mapping):
        for key in sorted(value, key=lambda key: key != _KEY):
            yield from _words(value[key])
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield str(value)


def _plain(text: str) -> str:
    """Words in small letters, without the signs around them."""
    return " ".join("".join(sign if sign.isalnum() or sign in "_-" else " " for sign in text.casefold()).split())


def _compile(config: Config) -> QuestionClassifier:
    return QuestionClassifier(
        question=Question.parse(config),
        classes=tuple(
            Class(id=each["id"], name=Template.parse(each["name"]), label=each.get("label", ""))
            for each in config["classes"]
        ),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"class_id", "class_name", "class_label", "usage"})


def _handles(config: Config) -> tuple[str, ...]:
    return tuple(each["id"] for each in config["classes"])


def _uses(config: Config) -> Iterator[Use]:
    yield from question_uses(config)
    for place, each in enumerate(config["classes"]):
        yield from text_uses(f"/classes/{place}/name", each["name"])


QUESTION_CLASSIFIER = NodeType(
    name="question-classifier",
    schema=closed(
        {
            "query": SOURCE,
            **ABOUT_A_TEXT,
            "classes": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": closed(
                    {
                        "id": {**NAME, "not": {"enum": ["error", "timeout"]}},
                        "name": TEXT,
                        "label": {"type": "string", "maxLength": 500},
                    },
                    required=["id", "name"],
                ),
            },
        },
        required=["query", "model", "classes"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    handles=_handles,
)
