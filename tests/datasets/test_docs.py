"""The examples of docs/datasets.md do what the page says."""

import json
import re
from pathlib import Path

from apps.datasets.settings_of_dataset import checked_settings, read_settings
from providers.catalogue import EmbeddingSpec
from tests.datasets.making import put
from tests.datasets.test_chunks import GUIDE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "datasets.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_settings_and_the_model_on_the_page_are_valid():
    settings, model = (json.loads(block) for block in blocks("json"))
    assert read_settings(checked_settings(settings)).chunking.mode == "parent_child"
    spec = EmbeddingSpec.read(model)
    assert spec is not None
    assert (spec.rpm, spec.tpm) == (3000, 1000000)


def test_the_shell_example_runs(dataset):
    document = put(dataset, "guide.md", GUIDE).document
    for block in blocks("python"):
        exec(block, {"document": document})
