"""Which files and links make up the root of a zygote."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.sandbox.sidecar.zygote import files
from apps.sandbox.sidecar.zygote.root import lay_out


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path.resolve()
    (top / "real" / "lib").mkdir(parents=True)
    (top / "real" / "lib" / "a.so").write_text("")
    (top / "lib64").symlink_to("real/lib")
    (top / "absolute").symlink_to(top / "lib64")
    (top / "up").symlink_to("real/../real")
    (top / "loop").symlink_to("loop")
    return top


def test_a_link_is_kept_as_it_is_and_its_target_is_bound(tree: Path):
    layout = lay_out([str(tree / "lib64" / "a.so")])
    assert layout.binds == {str(tree / "real" / "lib" / "a.so")}
    assert layout.links == {str(tree / "lib64"): "real/lib"}


def test_links_to_links_are_followed_to_the_end(tree: Path):
    layout = lay_out([str(tree / "absolute"), str(tree / "up" / "lib")])
    assert layout.binds == {str(tree / "real" / "lib")}
    assert set(layout.links) == {str(tree / "absolute"), str(tree / "lib64"), str(tree / "up")}


def test_what_lies_in_a_bound_directory_is_not_bound_again(tree: Path):
    layout = lay_out([str(tree / "real" / "lib" / "a.so"), str(tree / "real")])
    assert layout.binds == {str(tree / "real")}


def test_a_package_in_a_covered_folder_is_bound_by_itself(tree: Path):
    package = tree / "real" / "lib" / "site-packages" / "jinja2"
    package.mkdir(parents=True)
    layout = lay_out([str(tree / "real" / "lib"), str(package), str(package / "sub")])
    assert layout.binds == {str(tree / "real" / "lib"), str(package)}


def test_what_does_not_exist_or_leads_nowhere_is_left_out(tree: Path):
    assert lay_out([str(tree / "none"), str(tree / "loop" / "x")]).binds == set()


def test_the_standard_library_is_found_and_nothing_installed_with_it():
    found = files.standard_library()
    assert any((Path(path) / "json" / "__init__.py").exists() for path in found)
    assert not [path for path in found if "-packages" in path]


def test_a_package_is_imported_from_its_parent_and_a_folder_of_packages_from_itself(tree: Path):
    package = tree / "real" / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    module = tree / "real" / "six.py"
    module.write_text("")
    assert files.importable([str(package), str(module), str(tree / "real")]) == [str(tree / "real")]
