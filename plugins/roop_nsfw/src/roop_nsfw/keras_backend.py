"""Open-NSFW as the opennsfw2 package builds it, on Keras 3 and TensorFlow: the extra ``roop-nsfw[opennsfw2]``."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from logging import Logger
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roop_host import Context, ModelError, UsageError
from roop_nsfw.packages import OPENNSFW2, opennsfw2_installed
from roop_nsfw.plugin import OPEN_NSFW_H5

# Mean of the training pictures, B, G, R in 0..255 (opennsfw2's preprocess_image, as Yahoo's classify_nsfw.py).
_MEAN_BGR = np.array([104, 117, 123], np.float32)
# What is read while TensorFlow is imported, and by nobody else then: its own log, and which library Keras runs on.
_SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "OPENNSFW2_KERAS": ""}
_ONE_AT_A_TIME = threading.Lock()
_STDERR = 2
# How its C++ part begins a line before its log can be silenced.
_NOISE = re.compile(rb"[IWE]\d{4} |WARNING: All log messages before absl::InitializeLog")
_PUT_RIGHT = f"put it right with: {OPENNSFW2} --upgrade"


class KerasNetwork:
    """The package's own network with the verified weights, on the CPU whatever the job's device.

    The job's threads bound TensorFlow, which is told once in a process: what ran it before has had its say. Raises
    ``UsageError`` where the packages are not here, ``ModelError`` where they or the weights can't be used.
    """

    def __init__(self, ctx: Context) -> None:
        if not opennsfw2_installed():
            raise UsageError(f"--nsfw-backend opennsfw2 needs packages that are not installed; add them with: {OPENNSFW2}")
        weights = ctx.sessions.read(OPEN_NSFW_H5)
        with _as_it_wants(ctx.log):
            package, tensorflow = _imported()
            _bound(tensorflow, ctx.threads, ctx.log)
            self._network = _built(package, weights)

    def scores(self, inputs: Sequence[NDArray[np.uint8]]) -> list[float]:
        """The probability that each is not safe for work, of uint8 ``(224, 224, 3)``, B, G, R."""
        batch = np.stack(inputs).astype(np.float32) - _MEAN_BGR
        made = np.asarray(self._network.predict_on_batch(batch))
        return [float(score) for score in made[:, 1]]


def _imported() -> tuple[Any, Any]:
    """The package and TensorFlow. Raises ``ModelError``, also where Keras runs on something else already."""
    try:
        import keras
        import opennsfw2
        import tensorflow
    except Exception as error:  # versions that do not go together raise whatever they like
        said = str(error).partition("\n")[0]
        raise ModelError(f"the opennsfw2 package can't be imported ({said}); {_PUT_RIGHT}") from error
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} in this process, and --nsfw-backend opennsfw2 needs it on TensorFlow; "
            "run roop in a process of its own, or leave the option out"
        )
    tensorflow.get_logger().setLevel("ERROR")  # its Python part has a log of its own
    return opennsfw2, tensorflow


def _bound(tensorflow: Any, threads: int, log: Logger) -> None:
    """One call at a time on so many threads, and no GPU, whose memory it would take whole."""
    threading = tensorflow.config.threading
    try:
        tensorflow.config.set_visible_devices([], "GPU")
        threading.set_inter_op_parallelism_threads(1)
        threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:  # it runs already: the job's other looker has told it, or somebody before
        if threading.get_intra_op_parallelism_threads() != threads:
            log.info("TensorFlow runs already and keeps its own number of threads")


def _built(package: Any, weights: bytes) -> Any:
    """The network, run once. Keras reads files alone, so the weights lie in one that nobody else can write."""
    with tempfile.TemporaryDirectory(prefix="roop-") as folder:
        path = Path(folder) / "open_nsfw_weights.h5"
        path.write_bytes(weights)
        try:
            network = package.make_open_nsfw_model(weights_path=str(path))
            made = np.asarray(network.predict_on_batch(np.zeros((1, 224, 224, 3), np.float32)))
        except Exception as error:
            said = str(error).partition("\n")[0]
            raise ModelError(f"the opennsfw2 package can't use the weights {path.stem} ({said}); {_PUT_RIGHT}") from error
    if made.shape != (1, 2) or not np.isfinite(made).all():
        raise ModelError(f"the opennsfw2 package does not answer with two probabilities; {_PUT_RIGHT}")
    return network


@contextmanager
def _as_it_wants(log: Logger) -> Iterator[None]:
    """TensorFlow's settings while it is imported, and what it writes to stderr past its log told to ``log`` alone.

    Both are the process's, so one thread at a time has them changed.
    """
    with _ONE_AT_A_TIME, _set(), _stderr_open(), _stderr_told(log):
        yield


@contextmanager
def _set() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _stderr_open() -> Iterator[None]:
    """Of a program whose stderr is closed nobody else's file may take that number meanwhile: it would be written into."""
    try:
        os.fstat(_STDERR)
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        if nothing != _STDERR:
            os.dup2(nothing, _STDERR)
            os.close(nothing)
        try:
            yield
        finally:
            os.close(_STDERR)
    else:
        yield


@contextmanager
def _stderr_told(log: Logger) -> Iterator[None]:
    """What others write there meanwhile is passed on at the end."""
    with tempfile.TemporaryFile() as said:
        _flush()
        kept = os.dup(_STDERR)
        os.dup2(said.fileno(), _STDERR)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            said.seek(0)
            for line in said.readlines():
                if _NOISE.match(line):
                    log.debug("TensorFlow: %s", line.decode(errors="replace").rstrip())
                else:
                    os.write(_STDERR, line)


def _flush() -> None:
    if sys.stderr is not None:  # a program without a console has none
        with suppress(OSError, ValueError):  # or a closed one
            sys.stderr.flush()
