"""The neural engine: a network redraws an aligned crop of a face as another person's. Its spec says how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from roop_host import Context, Face, Frame, ModelError, ModelSpec, Session, SourceFace
from roop_swapper.boost import join, split, wider
from roop_swapper.contract import contract_of
from roop_swapper.engine import in_order
from roop_swapper.identity import identity_of
from roop_swapper.networks import NetworkSpec
from roop_vision.align import aligned_crop, crop_matrix, template_points
from roop_vision.colour import matched
from roop_vision.mask_options import MaskOptions
from roop_vision.masking import Masker
from roop_vision.paste import paste_crop
from roop_vision.pixels import input_of, output_of, picture_of
from roop_vision.redrawn import what_is_wrong

#: Most crops of one run: what a network keeps in memory grows with each.
TOGETHER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a network is used. ``model`` and ``converter`` are the files that run.

    ``pixels`` is how wide crops are taken, a multiple of the network's own size; ``weight`` in 0..1 how much of the source
    it is told, the rest being the target's own.
    """

    model: ModelSpec
    converter: ModelSpec | None = None
    pixels: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A face to be changed: its crop, B, G, R, and the matrix (2 x 3, picture to crop) that took it."""

    frame: Frame
    face: Face
    source: int
    crop_bgr: NDArray[np.uint8]
    matrix: NDArray[np.float64]


class NeuralEngine:
    """A network of the family ``spec``. ``setup`` raises ``ModelError`` for one that is any different.

    With a ``weight`` below 1, a face in a frame without a vector of the networks' recogniser becomes all source.
    """

    def __init__(self, ctx: Context, spec: NetworkSpec, use: Use, masks: MaskOptions) -> None:
        self._spec, self._use, self._name = spec, use, use.model.name
        self._repair = "take another file" if use.model.own else "try --precision fp32 or --device cpu"
        self._session, self._go_on = ctx.sessions.open(use.model), ctx.check_cancel
        self._contract = contract_of(self._session, spec, self._name)
        self._identity = identity_of(ctx, spec, use.model, use.converter)
        self._masker, self._match_colour = Masker(masks, ctx.sessions, spec.template), masks.match_colour
        self._template = template_points(spec.template) * np.float32(spec.size)
        self._times = use.pixels // spec.size
        self._sources: list[NDArray[np.float32]] = []
        self._held: list[Session] = []
        self._targets: dict[int, tuple[Any, NDArray[np.float32] | None]] = {}

    def begin(self, sources: tuple[SourceFace, ...]) -> None:
        self._sources = [self._identity.of_source(source) for source in sources]
        if not self._contract.batches and self._use.weight == 1:
            name = self._contract.source.name
            self._held = [self._session.holding({name: source}) for source in self._sources]

    def start(self) -> None:
        self._masker.start()
        self._targets = {}

    def learn(self, frames: Sequence[Frame]) -> None:
        """The masks learn; what the network would make of these frames is not needed."""
        if self._masker.learns:
            for one in self._all(frames):
                self._masker.alpha(one.frame, one.face, one.matrix, one.crop_bgr)

    def process(self, frames: Sequence[Frame]) -> None:
        # All are taken before any is put back: where two faces overlap, the network sees both as they were.
        taken = self._all(frames)
        at_once = max(1, TOGETHER // self._times**2)
        for first in range(0, len(taken), at_once):
            self._go_on()  # a network on a CPU takes seconds for a face
            some = taken[first : first + at_once]
            for one, rgb in zip(some, self._redrawn(some), strict=True):
                self._put(one, rgb)
        present = {face.id for frame in frames for face in frame.faces}
        self._targets = {number: told for number, told in self._targets.items() if number in present}

    def end(self) -> None:
        self._sources, self._held, self._targets = [], [], {}

    def _all(self, frames: Sequence[Frame]) -> list[_Taken]:
        faces = ((frame, face, source) for frame in frames for face, source in in_order(frame))
        return [one for each in faces if (one := self._take(*each)) is not None]

    def _take(self, frame: Frame, face: Face, source: int) -> _Taken | None:
        plain = crop_matrix(face.landmarks_5, self._template)
        if plain is None:
            return None
        matrix = wider(plain, self._times)
        # Where a face is cut by the picture's edge insightface has black, which would be carried into the picture.
        crop = aligned_crop(frame, matrix, self._use.pixels, outside=cv2.BORDER_REPLICATE)
        return None if crop is None else _Taken(frame, face, source, crop, matrix)

    def _put(self, one: _Taken, rgb: NDArray[np.float32]) -> None:
        made = picture_of(rgb, deep=one.frame.depth > 8)
        alpha = self._masker.alpha(one.frame, one.face, one.matrix, one.crop_bgr)
        made = matched(made, one.crop_bgr, alpha, self._match_colour)
        paste_crop(one.frame, made, one.matrix, alpha, face_id=one.face.id)

    def _redrawn(self, taken: Sequence[_Taken]) -> list[NDArray[np.float32]]:
        """What the network makes of the crops: float32 R, G, B ``(pixels, pixels, 3)`` each, meant to be in 0..1."""
        tiles = np.concatenate([split(one.crop_bgr, self._times) for one in taken])
        each = self._times**2
        owners = [one for one in taken for _ in range(each)]
        parts = [
            self._run(tiles[first : first + TOGETHER], owners[first : first + TOGETHER])
            for first in range(0, len(tiles), TOGETHER)
        ]
        made = np.concatenate(parts)
        return [join(made[first : first + each], self._times) for first in range(0, len(made), each)]

    def _run(self, crops_bgr: NDArray[np.uint8], owners: Sequence[_Taken]) -> NDArray[np.float32]:
        """Float32 R, G, B ``(n, size, size, 3)`` of uint8 B, G, R crops, whose faces are the ``owners``."""
        spec = self._spec
        target = input_of(crops_bgr, spec.mean, spec.std)
        out = np.concatenate(list(self._answers(target, owners))).astype(np.float32, copy=False)
        if out.shape != target.shape:
            raise ModelError(f"the model {self._name} made {out.shape} from {target.shape}; take another file or engine")
        rgb = output_of(out, spec.mean, spec.std, denormalised=spec.denormalised)
        if wrong := what_is_wrong(rgb, crops_bgr):
            raise ModelError(f"the model {self._name} made {wrong}; {self._repair}, or say --swapper-engine mesh")
        return rgb

    def _answers(self, target: NDArray[np.float32], owners: Sequence[_Taken]) -> Iterator[NDArray[Any]]:
        """In one run, or where the network takes one crop at a time, in one for each."""
        crops, source, output = self._contract.target.name, self._contract.source.name, self._spec.output
        if self._contract.batches:
            told = np.concatenate([self._told(one) for one in owners])
            yield self._session.run({crops: target, source: told})[output]
            return
        for k, one in enumerate(owners):
            crop = {crops: target[k : k + 1]}
            if self._held:
                yield self._held[one.source].run(crop)[output]
            else:
                yield self._session.run({**crop, source: self._told(one)})[output]

    def _told(self, one: _Taken) -> NDArray[np.float32]:
        """Who the network is told to draw: a batch of one."""
        source = self._sources[one.source]
        if self._use.weight == 1:
            return source
        vector, target = self._targets.get(one.face.id, (None, None))
        # A track hands the same vector to many frames.
        if vector is None or vector is not one.face.embedding:
            target = self._identity.of_target(one.face)
            self._targets[one.face.id] = one.face.embedding, target
        return source if target is None else self._identity.between(target, source, self._use.weight)
