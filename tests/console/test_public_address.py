"""Where links in letters lead when nobody has named an address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = "from console.settings import env; print(env.PUBLIC_URL)"
PLATFORM = str(Path(__file__).resolve().parents[2] / "platform")


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ({"SKEP_URL": "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000"),
        ({"SKEP_URL": "http://127.0.0.1:9000/", "PUBLIC_URL": "https://skep.example/"}, "https://skep.example"),
        ({"SKEP_URL": "", "PUBLIC_URL": ""}, "http://localhost:8000"),
    ],
)
def test_links_lead_to_where_skep_listens_unless_another_address_is_named(
    named: dict[str, str], address: str, tmp_path: Path
) -> None:
    known = {name: value for name, value in os.environ.items() if name not in ("PUBLIC_URL", "SKEP_URL")}
    there = {**known, "PYTHONPATH": PLATFORM, "SKEP_DATA_DIR": str(tmp_path), **named}
    asked = subprocess.run([sys.executable, "-c", ASK], env=there, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == address
