"""The sidecar needs Python and nothing else: every module of it imports without site-packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "httpx", "orjson", "psycopg", "support", "console", "jinja2"}:
            raise AssertionError(f"the sidecar imports {name}")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import apps.sandbox.sidecar, apps.sandbox.protocol
names = [found.name for found in pkgutil.walk_packages(apps.sandbox.sidecar.__path__, "apps.sandbox.sidecar.")]
for name in names:
    importlib.import_module(name)
outside = {
    name for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
}
print(len(names), sorted(outside))
"""


def test_the_whole_sidecar_imports_with_nothing_but_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT_EVERYTHING, os.fspath(ROOT)],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    count, outside = done.stdout.split(" ", 1)
    assert int(count) > 40
    assert outside.strip() == "[]"
