"""Where networks really run. ONNX Runtime lists providers that it then can't use, and goes on with the CPU instead."""

from __future__ import annotations

import ctypes
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from roop_host.models.providers import ACCELERATED, AUTO, PROVIDERS, asked, load_tensorrt_libraries

#: The graph y = x + x for two floats (opset 17, IR version 8), as ``onnx.helper`` makes it; a test makes it again.
TINY_MODEL = (
    b'\x08\x08:5\n\x0e\n\x01x\n\x01x\x12\x01y"\x03Add\x12\x01g'
    b"Z\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x02"
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x02"
    b"B\x04\n\x00\x10\x11"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def why_not(device: str) -> str:
    """The reason why networks do not run on ``device``; empty when one was opened there, ran and gave the right answer."""
    import numpy as np
    import onnxruntime as ort

    provider = PROVIDERS[device]
    if provider not in ort.get_available_providers():
        return f"this ONNX Runtime is built without {provider}"
    load_libraries(ort, device)
    own = asked(device, fp16=False, exact=False, threads=1, cache=None)
    options = own.options(ort, 1)
    if device != "cpu":  # else a node that went to the CPU would pass for one that ran on the device
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    failure = ""
    with _native_stderr() as said:
        try:
            session = ort.InferenceSession(TINY_MODEL, options, providers=[own.providers[0]], enable_fallback=0)
            (y,) = session.run(None, {"x": np.array([1, 2], np.float32)})
            used = session.get_providers()[0]  # asked last: earlier versions repeat a run that fails on the CPU
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the answer)
            failure = first_line(error)
    # The error is what follows from the cause, and only the log has the cause.
    if failure:
        return _cause(said) or failure
    if used != provider:
        return _cause(said) or f"it took {used} instead"
    return "" if y.tolist() == [2, 4] else f"[1, 2] + [1, 2] gave {y.tolist()} there"


def accelerated(device: str) -> bool:
    """Whether ``device`` is, or for ``auto`` may turn out to be, faster in half precision than in full."""
    if device != "auto":
        return device in ACCELERATED
    try:
        import onnxruntime as ort

        listed = set(ort.get_available_providers())
    except (ImportError, AttributeError):  # a session will say so
        return False
    there = [name for name in AUTO if name in ACCELERATED and PROVIDERS[name] in listed]
    return any(name != "cuda" or nvidia_gpus() for name in there)


def load_libraries(ort: Any, device: str) -> None:
    """Load what pip installed for ``device``: ONNX Runtime looks for NVIDIA's libraries nowhere but on the system's path."""
    if device not in {"cuda", "tensorrt"}:
        return
    with redirect_stdout(io.StringIO()):  # it prints what it misses; whether CUDA runs is read back from the session
        ort.preload_dlls()
    if device == "tensorrt":
        load_tensorrt_libraries()


def nvidia_gpus() -> int:
    """How many GPUs NVIDIA's driver sees; 0 without a driver."""
    count = ctypes.c_int()
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    worked = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if worked else 0


def first_line(error: BaseException) -> str:
    """What an error says, without the pages that may follow."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)


def _cause(log: list[str]) -> str:
    """The text of the first entry of ONNX Runtime's log, without colours, place and error number."""
    entry = next((line for line in log if "onnxruntime" in line), "")
    return _COLOUR.sub("", entry).rpartition("] ")[2].rpartition(" : ")[2].strip()


@contextmanager
def _native_stderr() -> Iterator[list[str]]:
    """The lines that native code writes to the error stream meanwhile; Python's own ``sys.stderr`` never sees them."""
    lines: list[str] = []
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()
