"""Profiles: packages that are shown, warmed up, and renewed for each child."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.sandbox.zygote.conftest import START
from tests.sandbox.zygote.driver import Zygote, ZygoteRefused, zygote

DATA = ("numpy", "numpy.libs", "pandas", "dateutil", "pytz", "tzdata", "six.py")


def code(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def shown(site_packages: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(site_packages / name) for name in names if (site_packages / name).exists())


@pytest.fixture(scope="module", params=["root", "userns", "landlock"])
def data(request: pytest.FixtureRequest, site_packages: Path) -> Iterator[Zygote]:
    if request.param == "root" and os.getuid() != 0:
        pytest.skip("needs root")
    with zygote(
        mode=request.param, profile="data", paths=shown(site_packages, DATA), preload=("numpy", "pandas")
    ) as running:
        yield running


@pytest.fixture(scope="module")
def templates(site_packages: Path) -> Iterator[Zygote]:
    with zygote(mode="userns", profile="template", paths=shown(site_packages, ("jinja2", "markupsafe"))) as running:
        yield running


def test_numpy_computes_inside(data: Zygote):
    outcome = data.run(
        code("""
            import numpy as np
            def main(n):
                a = np.arange(n * n, dtype=float).reshape(n, n) / n
                b = a + np.eye(n)
                return {"difference": float(np.abs(b @ np.linalg.inv(b) - np.eye(n)).max())}
        """),
        {"n": 60},
        memory_mb=512,
    )
    assert abs(outcome.outputs["difference"]) < 1e-3


def test_pandas_reads_and_groups_inside(data: Zygote):
    outcome = data.run(
        code("""
            import io
            import pandas as pd
            def main(text):
                frame = pd.read_csv(io.StringIO(text))
                moment = pd.Timestamp("2024-07-01", tz="UTC").tz_convert("Europe/Berlin")
                return {"sums": frame.groupby("a").b.sum().to_dict(), "moment": moment.isoformat()}
        """),
        {"text": "a,b\nx,1\ny,2\nx,3\n"},
        memory_mb=512,
    )
    assert outcome.outputs == {"sums": {"x": 4, "y": 2}, "moment": "2024-07-01T02:00:00+02:00"}


def test_siblings_draw_different_numbers_from_numpy(data: Zygote):
    draw = "import numpy as np\ndef main():\n    return {'drawn': [np.random.rand(), np.random.default_rng().random()]}"
    first, second = (data.run(draw).outputs["drawn"] for _ in range(2))
    assert not set(first) & set(second)


WARMED_OPENSSL = """
import ssl
ssl.create_default_context()
ssl.RAND_bytes(8)
"""
WARMED_CRYPTOGRAPHY = """
from cryptography.hazmat.primitives.asymmetric import x25519
x25519.X25519PrivateKey.generate()
"""


@pytest.mark.parametrize(
    ("warmed", "drawn", "packages"),
    [
        (WARMED_OPENSSL, "__import__('ssl').RAND_bytes(8).hex()", ()),
        (
            WARMED_CRYPTOGRAPHY,
            "warmed.x25519.X25519PrivateKey.generate().private_bytes_raw().hex()",
            ("cryptography", "cffi", "_cffi_backend.cpython-311-x86_64-linux-gnu.so", "pycparser"),
        ),
    ],
    ids=["the interpreter's", "the one of cryptography"],
)
@pytest.mark.parametrize("mode", ["userns", "landlock"])
def test_siblings_draw_different_numbers_from_an_openssl_that_was_used_before(
    mode: str, warmed: str, drawn: str, packages: tuple[str, ...], site_packages: Path, tmp_path: Path
):
    """It knows a fork by the process id, which is 1 for the zygote and for each child in its own namespace."""
    (tmp_path / "warmed.py").write_text(warmed)
    paths = (str(tmp_path), *shown(site_packages, packages))
    draw = f"import warmed\ndef main():\n    return {{'drawn': {drawn}}}"
    with zygote(mode=mode, profile="geo", paths=paths, preload=("warmed",)) as running:
        results = [running.run(draw, {}, memory_mb=512).outputs["drawn"] for _ in range(3)]
    assert len(set(results)) == 3


def test_an_array_beyond_the_memory_limit_is_refused_by_that_name(data: Zygote):
    text = "import numpy as np\ndef main():\n    return {'n': float(np.ones(10**8).sum())}"
    assert data.run(text, memory_mb=256).error["type"] == "MemoryError"


def test_a_number_of_numpy_is_not_json_and_its_place_is_named(data: Zygote):
    error = data.run("import numpy as np\ndef main():\n    return {'a': [np.int64(3)]}").error
    assert (error["type"], error["message"]) == ("ResultNotJson", "outputs.a[0]: int64 is not JSON")


def test_a_warm_zygote_has_no_thread_that_its_children_would_miss(data: Zygote):
    assert psutil.Process(data.staged.pid).num_threads() == 1


def test_only_the_packages_of_the_profile_are_there(templates: Zygote):
    outcome = templates.run(
        code("""
            import importlib.util
            def main():
                names = ("jinja2", "django", "numpy", "pip")
                return {name: importlib.util.find_spec(name) is not None for name in names}
        """)
    )
    assert outcome.outputs == {"jinja2": True, "django": False, "numpy": False, "pip": False}


def test_a_template_is_rendered_with_its_inputs(templates: Zygote):
    source = "Hello {{ name }}{% for item in items %} {{ loop.index }}:{{ item }}{% endfor %}{{ missing }}"
    outcome = templates.run(source, {"name": "<b>", "items": ["a", "ü"]}, mode="template")
    assert outcome.outputs == {"output": "Hello <b> 1:a 2:ü"}


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("a\n{% if %}", "TemplateSyntaxError", "line 2: "),
        ("a\n\n{{ 1 / 0 }}", "ZeroDivisionError", "line 3: division by zero"),
        ("{{ x.y.z }}", "UndefinedError", "line 1: 'x' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "SecurityError", "unsafe"),
        ("{{ 'x' * 10**10 }}", "MemoryError", ""),
        ("{% include 'other' %}", "TypeError", "no loader"),
    ],
)
def test_a_template_that_fails_says_where(templates: Zygote, source: str, kind: str, message: str):
    error = templates.run(source, mode="template").error
    assert error["type"] == kind
    assert message in error["message"]


def test_a_profile_without_jinja_says_so(one_zygote: Zygote):
    assert one_zygote.run("x", mode="template").error["type"] == "TemplateUnavailable"


def test_a_preload_that_cannot_be_imported_is_fatal_and_named(start_in: Callable[[str], START]):
    with pytest.raises(ZygoteRefused, match="cannot import nonsense"), start_in("userns")(preload=("nonsense",)):
        pass
