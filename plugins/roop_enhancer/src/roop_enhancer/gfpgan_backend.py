"""GFPGAN as its own package runs it, on its own weights: the extra ``roop-enhancer[gfpgan]``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_enhancer.gfpgan_package import INSTALL, gfpgan_installed, how_to_install
from roop_enhancer.networks import NetworkSpec
from roop_enhancer.torch_compat import as_in_2022, replaced
from roop_host import Context, ModelError, ModelSpec, UsageError
from roop_vision.pixels import input_of, output_of
from roop_vision.redrawn import what_is_wrong

_HALVES = (0.5, 0.5, 0.5)
#: Before it a crafted file could corrupt memory although only weights were read (CVE-2026-24747).
_SAFE_TORCH = "2.10"
#: Where the weights stand in a file.
_KEYS = ("params_ema", "params")


class GfpganRestorer:
    """GFPGAN's network from the file ``own``, a .pth as its authors publish them, or else the pulled one.

    Its noise is the one that is stored with the weights, where the package draws another one each time. It runs on the CPU,
    and on a GPU that torch's CUDA finds. Raises ``UsageError`` where the package is not here or can't run on the device,
    ``ModelError`` for weights that are not there or not GFPGAN's, ``InputError`` for an own file that can't be read.
    """

    def __init__(self, ctx: Context, spec: NetworkSpec, own: Path | None) -> None:
        weights = spec.weights if own is None else ModelSpec.from_file(own, purpose="face restoration", form="data")
        if weights is None:
            raise ModelError(f"weights of {spec.name} are not pulled; name your file with --enhancer-model-file")
        if not gfpgan_installed():
            raise UsageError(how_to_install())
        self.name, self.size, self.template = spec.name, spec.size, spec.template
        self._model, self._threads, self._go_on = weights.name, ctx.threads, ctx.check_cancel
        self._repair = "take another file" if weights.own else "say --enhancer-backend onnx"
        package, self._torch = _imported()
        self._device = _device_of(ctx.device, self._torch)
        self._network = self._built(package, self._state(ctx.sessions.read(weights)))

    def restore(self, crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 R, G, B ``(n, size, size, 3)`` in 0..1 of uint8 B, G, R crops of that shape.

        In one run each: a crop in a batch would come out differently in its last bits. Raises ``ModelError`` for what is no
        picture.
        """
        with self._running():
            made = np.concatenate([self._run(input_of(crop[None], _HALVES, _HALVES)) for crop in crops_bgr])
        rgb = output_of(made, _HALVES, _HALVES, denormalised=True)
        if wrong := what_is_wrong(rgb, crops_bgr):
            raise ModelError(f"the model {self._model} made {wrong}; {self._repair}, or say --enhancer-model embedded")
        return np.clip(rgb, 0, 1, out=rgb)

    def _run(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network makes of ``(1, 3, size, size)``, R, G, B in -1..1."""
        self._go_on()  # on a CPU each takes seconds
        given = self._torch.from_numpy(crop).to(self._device)
        made = self._network(given, return_rgb=False, randomize_noise=False)[0]
        return np.asarray(made.cpu().numpy(), np.float32)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """The job's threads and kernels that always compute the same; both are the process's, so they are put back."""
        torch = self._torch
        threads = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        same = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
        try:
            with torch.inference_mode(), same, self._memory():
                yield
        finally:
            torch.set_num_threads(threads)

    @contextmanager
    def _memory(self) -> Iterator[None]:
        try:
            yield
        except self._torch.OutOfMemoryError as error:
            raise ModelError(f"the model {self._model} needs more memory than the GPU has free; use --device cpu") from error

    def _state(self, data: bytes) -> Mapping[str, Any]:
        """What the file holds: numbers by name. No code that stands in it is run."""
        try:
            loaded = self._torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except Exception as error:  # whatever it raises, the file is none that it reads
            raise ModelError(
                f"the model {self._model} is no file of weights that torch reads without running code of its own; "
                f"{self._repair}"
            ) from error
        if not isinstance(loaded, Mapping) or not any(key in loaded for key in _KEYS):
            raise self._differs("it holds neither params_ema nor params")
        state = next(loaded[key] for key in _KEYS if key in loaded)  # as the package chooses
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            raise self._differs("its weights have no names")
        return loaded

    def _built(self, package: Any, state: Mapping[str, Any]) -> Any:
        """The package's own network, with these weights and without what it would download beside it."""
        torch = self._torch
        given = SimpleNamespace(load=lambda path: state, device=torch.device)
        try:
            with replaced(package, torch=given, FaceRestoreHelper=_NoHelper):
                made = package.GFPGANer(self._model, upscale=1, bg_upsampler=None, device=torch.device("cpu"))
        except RuntimeError as error:  # so torch tells both
            if "allocate memory" in str(error):
                raise ModelError(f"the model {self._model} needs more memory than is free; close other programs") from error
            raise self._differs("its layers are others") from error
        with self._memory():
            return made.gfpgan.requires_grad_(False).to(self._device)

    def _differs(self, what: str) -> ModelError:
        return ModelError(f"the model {self._model} is no GFPGAN of the versions 1.2 to 1.4: {what}; {self._repair}")


class _NoHelper:
    """In the place of what finds faces, whose weights would be downloaded: these faces are found and aligned already."""

    def __init__(self, *settings: object, **more: object) -> None:
        """Whatever it is told, it has nothing to do."""


def _imported() -> tuple[Any, Any]:
    """The package's module with ``GFPGANer``, and torch."""
    try:
        import torch
        import torch.library

        with as_in_2022():
            import gfpgan.utils
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise ModelError(f"the gfpgan package can't be imported ({said}); put it right with: {INSTALL} --upgrade") from error
    if torch.__version__ < _SAFE_TORCH:
        raise ModelError(
            f"torch {torch.__version__} can't read weights without danger, as {_SAFE_TORCH} and later can; put it right "
            f"with: {INSTALL} --upgrade"
        )
    return gfpgan.utils, torch


def _device_of(device: str, torch: Any) -> str:
    """torch's name of where to run. Raises ``UsageError``: a named device is never left."""
    gpu = torch.cuda.is_available()
    if device == "cpu" or (device == "auto" and not gpu):
        return "cpu"
    if device not in ("auto", "cuda"):
        raise UsageError(
            f"the gfpgan package does not run on {device}; use --device cpu or cuda, or leave out --enhancer-backend gfpgan"
        )
    if not gpu:
        raise UsageError(
            f"--device cuda: torch {torch.__version__} finds no GPU; use --device cpu, or install a build of torch for CUDA"
        )
    return "cuda"
