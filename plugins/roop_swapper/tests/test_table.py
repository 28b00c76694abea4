"""The table of networks, number by number: what the engine goes by must be what FaceFusion 3.8 and InsightFace go by."""

from __future__ import annotations

from typing import Any

import pytest

from roop_host import ModelSpec
from roop_swapper.networks import NETWORKS, CropSource, EmbeddingSource, NetworkSpec

ZEROS, HALVES, ONES = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN, TO_HALVES = (ZEROS, ONES), (HALVES, HALVES)
ASSETS = "https://github.com/facefusion/facefusion-assets/releases/download"

#: Size, template, mean and std, whether the output is turned back, the source (kind, and normalised; or side, template, mean
#: and std), and the releases of the network's and the converter's files.
TABLE: dict[str, tuple[int, str, tuple[Any, Any], bool, tuple[Any, ...], str | None, str | None]] = {
    "inswapper_128": (128, "arcface_128", PLAIN, False, ("emap", True), "models", None),
    "hyperswap_1a_256": (256, "arcface_128", TO_HALVES, True, ("nothing", True), "models-3.3.0", None),
    "hyperswap_1b_256": (256, "arcface_128", TO_HALVES, True, ("nothing", True), "models-3.3.0", None),
    "hyperswap_1c_256": (256, "arcface_128", TO_HALVES, True, ("nothing", True), "models-3.3.0", None),
    "simswap_256": (256, "arcface_112_v1", IMAGENET, False, ("converter", True), None, "models-3.4.0"),
    "simswap_unofficial_512": (512, "arcface_112_v1", PLAIN, False, ("converter", True), "models-3.0.0", "models-3.4.0"),
    "ghost_1_256": (256, "arcface_112_v1", TO_HALVES, True, ("converter", False), None, None),
    "ghost_2_256": (256, "arcface_112_v1", TO_HALVES, True, ("converter", False), None, None),
    "ghost_3_256": (256, "arcface_112_v1", TO_HALVES, True, ("converter", False), None, None),
    "hififace_unofficial_256": (256, "mtcnn_512", TO_HALVES, True, ("converter", True), "models-3.1.0", "models-3.4.0"),
    "blendswap_256": (256, "ffhq_512", PLAIN, False, (112, "arcface_112_v2", ZEROS, ONES), None, None),
    "uniface_256": (256, "ffhq_512", TO_HALVES, True, (256, "ffhq_512", ZEROS, ONES), "models-3.0.0", None),
}
CONVERTERS = {
    "simswap_256": "crossface_simswap",
    "simswap_unofficial_512": "crossface_simswap",
    "hififace_unofficial_256": "crossface_hififace",
}
#: Bytes, and the first figures of the SHA-256.
FILES = {
    "inswapper_128": (554_253_681, "e4a3f08c753c"),
    "hyperswap_1a_256": (402_742_682, "c0e98a8a03a2"),
    "hyperswap_1b_256": (402_742_682, "5124031789c4"),
    "hyperswap_1c_256": (402_742_682, "5528c2d76fe9"),
}


def source_of(spec: NetworkSpec) -> tuple[Any, ...]:
    source = spec.source
    if isinstance(source, CropSource):
        return source.size, source.template, source.mean, source.std
    assert isinstance(source, EmbeddingSource)
    return source.through, source.normalised


def release_of(model: ModelSpec | None, name: str) -> str | None:
    """The release whose file of that name the model is, among its addresses."""
    if model is None:
        return None
    end = f"/{name}.onnx"
    found = [url for url in model.urls if url.startswith(f"{ASSETS}/") and url.endswith(end)]
    assert len(found) == 1
    assert model.name == name
    return found[0].removeprefix(f"{ASSETS}/").removesuffix(end)


def test_no_network_is_missing_here() -> None:
    assert [spec.name for spec in NETWORKS] == list(TABLE)


@pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)
def test_every_number_of_the_contract(spec: NetworkSpec) -> None:
    size, template, (mean, std), denormalised, source, release, converters = TABLE[spec.name]
    assert (spec.size, spec.template, spec.mean, spec.std) == (size, template, mean, std)
    assert (spec.denormalised, spec.output) == (denormalised, 0)
    assert source_of(spec) == source
    assert release_of(spec.model, spec.name) == release
    assert release_of(spec.converter, CONVERTERS.get(spec.name, "")) == converters


@pytest.mark.parametrize("name", FILES)
def test_the_files(name: str) -> None:
    (model,) = (spec.model for spec in NETWORKS if spec.name == name)
    assert model is not None
    size, digest = FILES[name]
    assert (model.size, model.sha256[:12]) == (size, digest)
