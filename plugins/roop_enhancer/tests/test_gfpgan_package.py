"""What surrounds the gfpgan package, without it: what stands in for the time of its import, and what is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from roop_enhancer import gfpgan_backend, gfpgan_package
from roop_enhancer.gfpgan_backend import GfpganRestorer
from roop_enhancer.gfpgan_package import gfpgan_installed, how_to_install
from roop_enhancer.networks import NetworkSpec
from roop_enhancer.torch_compat import as_in_2022, replaced
from roop_host import InputError, ModelError, UsageError
from roop_host.testing import context_of

SPEC = NetworkSpec(name="gfpgan_1.4")
GONE = "torchvision.transforms.functional_tensor"


def grey(picture: object) -> object:
    return picture


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A torch that knows the operator ``roi_align`` alone, and its torchvision; what was registered with it."""
    told: list[str] = []

    def register_fake(operator: str, function: Callable[..., Any] | None = None, /) -> Any:
        if function is None:
            return lambda function: register_fake(operator, function)
        if operator not in ("torchvision::roi_align", "mine::nms"):
            raise RuntimeError(f"operator {operator} does not exist")
        told.append(operator)
        return None

    modules: dict[str, dict[str, object]] = {
        "torch": {"ops": SimpleNamespace(torchvision=SimpleNamespace(roi_align=None)), "__version__": "2.13.0"},
        "torch.library": {"register_fake": register_fake},
        "torchvision": {},
        "torchvision.transforms": {},
        "torchvision.transforms.functional": {"rgb_to_grayscale": grey},
    }
    for name, holds in modules.items():
        module = ModuleType(name)
        module.__dict__.update(holds, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules["torch"], "library", sys.modules["torch.library"], raising=False)
    return told


def test_an_operator_that_is_missing_is_passed_over_and_no_other(registered: list[str]) -> None:
    library = import_module("torch.library")
    kept = library.register_fake

    def fake() -> None: ...

    with as_in_2022():
        assert library.register_fake("torchvision::nms")(fake) is fake
        assert library.register_fake("torchvision::nms", fake) is fake
        assert library.register_fake("torchvision::roi_align")(fake) is fake
        assert library.register_fake("mine::nms", fake) is fake
        with pytest.raises(RuntimeError, match="other::nms does not exist"):
            library.register_fake("other::nms")(fake)
    assert registered == ["torchvision::roi_align", "mine::nms"]
    assert library.register_fake is kept


def test_the_module_that_is_gone_is_there_for_the_import_alone(registered: list[str]) -> None:
    kept = import_module("torch.library").register_fake
    with as_in_2022():
        assert import_module(GONE).rgb_to_grayscale is grey
    assert GONE not in sys.modules
    with pytest.raises(ImportError, match="broken"), as_in_2022():
        raise ImportError("broken")
    assert GONE not in sys.modules
    assert import_module("torch.library").register_fake is kept


def test_a_torchvision_that_has_the_module_keeps_its_own(registered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType(GONE)
    monkeypatch.setitem(sys.modules, GONE, own)
    with as_in_2022():
        assert sys.modules[GONE] is own
    assert sys.modules[GONE] is own


def test_names_are_others_for_a_while() -> None:
    module = SimpleNamespace(a=1, b=2)

    def stopped() -> None:
        with replaced(module, a=3):
            assert (module.a, module.b) == (3, 2)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stopped()
    assert (module.a, module.b) == (1, 2)
    with pytest.raises(AttributeError), replaced(module, c=1):
        pass


def test_where_the_package_is_missing_one_sentence_says_how_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gfpgan_package, "find_spec", lambda name: None)
    before, own = set(sys.modules), tmp_path / "mine.pth"
    own.write_bytes(b"weights")
    with pytest.raises(UsageError, match=r"pip install 'roop-enhancer\[gfpgan\]'$"):
        GfpganRestorer(context_of(), SPEC, own)
    assert "torch" not in set(sys.modules) - before


def test_a_python_that_it_can_not_be_installed_with_is_named() -> None:
    assert "Python" not in how_to_install((3, 12))
    assert "can't be built with Python 3.14; leave the option out" in how_to_install((3, 14))


def test_all_of_its_packages_must_be_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"gfpgan", "basicsr", "facexlib", "torch", "torchvision"}
    monkeypatch.setattr(gfpgan_package, "find_spec", lambda name: name if name in here else None)
    assert gfpgan_installed()
    here.remove("basicsr")
    assert not gfpgan_installed()


def test_weights_that_are_not_pulled_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--enhancer-model-file"):
        GfpganRestorer(context_of(), SPEC, None)
    with pytest.raises(InputError, match="can't be read"):
        GfpganRestorer(context_of(), SPEC, tmp_path / "gone.pth")


@pytest.mark.parametrize(
    ("device", "gpu", "runs_on"),
    [("cpu", True, "cpu"), ("auto", False, "cpu"), ("auto", True, "cuda"), ("cuda", True, "cuda")],
)
def test_where_it_runs(device: str, gpu: bool, runs_on: str) -> None:
    torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: gpu))
    assert gfpgan_backend._device_of(device, torch) == runs_on


@pytest.mark.parametrize(
    ("device", "said"), [("cuda", "torch 2.13.0 finds no GPU; use --device cpu"), ("coreml", "does not run on coreml")]
)
def test_a_named_device_is_never_left(device: str, said: str) -> None:
    torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False), __version__="2.13.0")
    with pytest.raises(UsageError, match=said):
        gfpgan_backend._device_of(device, torch)


def test_a_package_that_can_not_be_imported_is_told(registered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gfpgan", None)
    with pytest.raises(ModelError, match=r"can't be imported \(.*gfpgan.*\); put it right with: pip install"):
        gfpgan_backend._imported()


def test_a_torch_that_reads_weights_unsafely_is_refused(registered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gfpgan", "gfpgan.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["torch"], "__version__", "1.9")  # a plain string here, torch's own compares as versions
    with pytest.raises(ModelError, match=r"torch 1\.9 can't read weights without danger, as 2\.10"):
        gfpgan_backend._imported()
