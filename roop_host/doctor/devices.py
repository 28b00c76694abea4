"""The devices of ``--device``: whether networks really run there."""

from __future__ import annotations

from collections.abc import Iterator

from roop_host.doctor.check import Check, note, ok, problem, reason
from roop_host.doctor.installed import runtime_repair
from roop_host.errors import UsageError
from roop_host.models.devices import nvidia_gpus, why_not
from roop_host.models.providers import AUTO, PROVIDERS
from roop_host.types.packages import pip

_CODE = UsageError.exit_code
_RAN = "a network was opened, ran and gave the right answer"


def devices() -> Iterator[Check]:
    """The CPU, CUDA, what else this ONNX Runtime lists, and what it could do besides. Each was really tried."""
    try:
        import onnxruntime as ort

        listed = list(ort.get_available_providers())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (the runtime's own check says what is wrong with it)
        yield note("Devices", "all", f"not tried, as ONNX Runtime can't be used ({reason(error)}); see Runtime")
        return
    cpu = why_not("cpu")
    if cpu:
        yield problem("Devices", "cpu", f"networks do not run: {cpu}", runtime_repair("cpu"), _CODE)
    else:
        yield ok("Devices", "cpu", _RAN)
    yield _cuda(PROVIDERS["cuda"] in listed)
    yield from (_other(device) for device, name in PROVIDERS.items() if name in listed and device not in {"cpu", "cuda"})
    others = [name for name in listed if name not in PROVIDERS.values()]
    if others:
        yield ok("Devices", "not used", f"{', '.join(others)}: listed by ONNX Runtime, and no --device of roop")


def _cuda(listed: bool) -> Check:
    """A GPU that is silently left alone is what people notice last."""
    why, gpus = why_not("cuda"), nvidia_gpus()
    if not why:
        return ok("Devices", "cuda", _RAN)
    if not gpus:
        but = f" (ONNX Runtime lists CUDA, but: {why})" if listed else ""
        return note("Devices", "cuda", f"no NVIDIA GPU with a working driver is seen here, so networks run on the CPU{but}")
    if not listed:
        return note("Devices", "cuda", f"an NVIDIA GPU is here and is not used: {why}", runtime_repair("gpu"))
    says = f"ONNX Runtime lists CUDA, yet networks run on the CPU, and --device cuda is refused: {why}"
    if "load library" in why:
        return problem("Devices", "cuda", says, pip("install", "onnxruntime-gpu[cuda,cudnn]"), _CODE)
    return problem("Devices", "cuda", f"{says}; see what the driver says, and update it", "nvidia-smi", _CODE)


def _other(device: str) -> Check:
    """One that auto goes around is a problem; one that must be named is nobody's until it is, and often lacks libraries."""
    why = why_not(device)
    if not why:
        return ok("Devices", device, _RAN)
    says = f"ONNX Runtime lists it, yet no network runs there, and --device {device} is refused: {why}"
    return problem("Devices", device, says, exit_code=_CODE) if device in AUTO else note("Devices", device, says)
