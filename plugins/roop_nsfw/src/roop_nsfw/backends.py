"""Open-NSFW by the library that the option ``backend`` names; what is shown to the network is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from roop_host import Context, Stage
from roop_nsfw.options import Options
from roop_nsfw.screener import OpenNsfw

if TYPE_CHECKING:
    from roop_nsfw.keras_backend import KerasNetwork


class ChosenOpenNsfw(OpenNsfw):
    """Never by another library than the one that was named: where that can't be had, ``setup`` raises."""

    _keras: KerasNetwork | None = None

    def setup(self, ctx: Context) -> None:
        if ctx.options_as(Options).backend == "onnx":
            super().setup(ctx)
            return
        from roop_nsfw.keras_backend import KerasNetwork

        self._keras = KerasNetwork(ctx)

    def judge(self, inputs: Sequence[NDArray[Any]], stage: Stage) -> Sequence[float]:
        return super().judge(inputs, stage) if self._keras is None else self._keras.scores(inputs)

    def teardown(self) -> None:
        super().teardown()
        self._keras = None
