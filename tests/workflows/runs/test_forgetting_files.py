"""Contents of files that are gone leave the disk; what anybody still has, or has just sent, stays."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest

from apps.datasets.services.blobs import blob_path
from apps.workflows.models import File
from apps.workflows.services import forget_files
from apps.workflows.services.files import receive_file
from tests.workflows.runs.conftest import MakeApp

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def sent(make_app: MakeApp, content: bytes, *, days: float = 2) -> tuple[File, Path]:
    """A file that came some days ago."""
    file = receive_file([content], application=make_app(), source="api", end_user="ada", name="a.txt")
    path = blob_path(file.blob)
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return file, path


def test_only_contents_that_no_file_is_made_of_are_removed(make_app: MakeApp) -> None:
    gone, gone_path = sent(make_app, b"gone")
    _kept, kept_path = sent(make_app, b"kept")
    young, young_path = sent(make_app, b"young", days=0)
    twin, twin_path = sent(make_app, b"twice")
    sent(make_app, b"twice")
    for file in (gone, young, twin):
        file.delete()
    assert forget_files() >= 1  # and what other tests left
    assert [path.exists() for path in (gone_path, kept_path, young_path, twin_path)] == [False, True, True, True]
    forget_files(grace=dt.timedelta(0))
    assert not young_path.exists()


def test_content_that_was_left_aside_comes_back_where_a_file_needs_it(make_app: MakeApp) -> None:
    _file, path = sent(make_app, b"needed")
    aside = path.with_name(path.name + ".gone")
    path.rename(aside)
    forget_files()
    assert (aside.exists(), path.read_bytes()) == (False, b"needed")
