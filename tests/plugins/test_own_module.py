"""A plugin's module is its distribution's own: what lies elsewhere on the path under that name does not act for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from wheels import PROCESSOR, make_wheel, unpack

from roop_host.plugins.loader import load_plugins
from roop_host.plugins.status import PluginStatus

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need a right on Windows")
CODE = PROCESSOR.format(name="xstep")
KINDS = [pytest.param("zz_linked.py", id="module"), pytest.param("zz_linked/__init__.py", id="package")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "zz_linked", raising=False)
    return site


def install(file: str, tmp_path: Path, site: Path) -> Path:
    """Installed as uv does with ``--link-mode symlink``: the module is a link to what lies in a cache."""
    cache = tmp_path / "cache"
    unpack(make_wheel(tmp_path, "roop-xlinked", {file: CODE}, entry_points={"xlinked": "zz_linked"}), cache)
    (cache / "roop_xlinked-1.0.dist-info").rename(site / "roop_xlinked-1.0.dist-info")
    name = Path(file).parts[0]
    (site / name).symlink_to(cache / name)
    return cache / name


def status() -> PluginStatus:
    return next(one for one in load_plugins().statuses if one.name == "xlinked")


@pytest.mark.parametrize("file", KINDS)
def test_a_module_that_was_installed_as_a_link_works(file: str, tmp_path: Path, site: Path) -> None:
    install(file, tmp_path, site)
    assert (status().state, status().reason) == ("ok", "")


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("file", KINDS)
def test_one_that_stands_before_it_on_the_path_is_not_run(
    file: str, linked: bool, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = install(file, tmp_path, site)
    before = tmp_path / "before"
    before.mkdir()
    if linked:
        (before / real.name).symlink_to(real)
    else:
        (before / file).parent.mkdir(exist_ok=True)
        (before / file).write_text("raise SystemError('was run')")
    monkeypatch.syspath_prepend(before)
    assert f"would come from {before / real.name}, and it lies in {site}; take away" in status().reason
