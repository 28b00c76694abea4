"""Entry point of the plugin ``enhancer``: declares the processor; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from roop_enhancer.networks import NETWORKS
from roop_enhancer.options import EnhancerOptions
from roop_host import Choice, ProcessorSpec, hookimpl
from roop_vision.mask_models import MASK_CHOICES
from roop_vision.models import DLIB_RESNET, W600K_R50, dlib_installed

if TYPE_CHECKING:
    from roop_host import Processor

ROOP_API = 1
ROOP_OPTIONS = EnhancerOptions


def _load() -> Callable[[], Processor]:
    from roop_enhancer.processor import Enhancer

    return Enhancer


def _models() -> Iterator[Choice]:
    """``auto`` stands for the first network of the backend, and with ONNX Runtime for ``embedded`` where it is not here."""
    for number, network in enumerate(NETWORKS):
        files = [("onnx", network.model), ("gfpgan", network.weights)]
        for backend, model in files:
            if backend == "onnx" or network.packaged:
                yield Choice(
                    option="model",
                    value=network.name,
                    models=() if model is None else (model,),
                    by_name=number > 0,
                    own_files=("model_file",),
                    with_options=(("backend", backend),),
                )
    yield Choice(
        option="model",
        value="embedded",
        source_type="algorithmicallyEnhanced",
        with_options=(("backend", "onnx"),),
    )


def _recognisers() -> Iterator[Choice]:
    """They only look, so the least term stands for them."""
    models = (("arcface", W600K_R50), *((("dlib", DLIB_RESNET),) if dlib_installed() else ()))
    for value, model in models:
        yield Choice(option="identity", value=value, models=(model,), source_type="algorithmicallyEnhanced", by_name=True)


@hookimpl
def roop_processors() -> Iterable[ProcessorSpec]:
    """The step ``enhancer``."""
    yield ProcessorSpec(
        name="enhancer",
        summary="Makes faces clear again (GFPGAN and further networks, or embedded, which needs no download)",
        load=_load,
        batch_size=4,
        warmup=12,
        choices=(
            *_models(),
            *MASK_CHOICES,
            *_recognisers(),
        ),
    )
