"""The table of networks, number by number: what the engine goes by must be what FaceFusion 3.8 goes by."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from roop_enhancer.networks import NETWORKS, NetworkSpec
from roop_enhancer.options import EnhancerOptions
from roop_host import ModelSpec

ASSETS = "https://github.com/facefusion/facefusion-assets/releases/download/models-3.0.0"
HUB = "https://huggingface.co"
NON_COMMERCIAL = {"gfpgan_1.4", "gfpgan_1.3", "codeformer", "gpen_bfr_256", "gpen_bfr_512", "gpen_bfr_1024", "gpen_bfr_2048"}

#: Size, template, whether it takes a weight.
TABLE: dict[str, tuple[int, str, bool]] = {
    "gfpgan_1.4": (512, "ffhq_512", False),
    "gfpgan_1.3": (512, "ffhq_512", False),
    "gfpgan_1.2": (512, "ffhq_512", False),
    "codeformer": (512, "ffhq_512", True),
    "gpen_bfr_256": (256, "arcface_128", False),
    "gpen_bfr_512": (512, "ffhq_512", False),
    "gpen_bfr_1024": (1024, "ffhq_512", False),
    "gpen_bfr_2048": (2048, "ffhq_512", False),
    "restoreformer_plus_plus": (512, "ffhq_512", False),
}
#: Bytes, the first figures of the SHA-256, and where it is pulled from first.
FILES = {
    "gfpgan_1.4": (340_299_087, "accc4757b26b", ASSETS),
    "codeformer": (376_951_650, "21710e7ab61c", ASSETS),
    "gpen_bfr_256": (75_792_988, "bad8bf042687", ASSETS),
    "gpen_bfr_512": (284_340_240, "d5f066b9068a", ASSETS),
    "gpen_bfr_1024": (285_203_703, "bcd31aa52110", ASSETS),
    "gpen_bfr_2048": (285_582_766, "66d12a637118", ASSETS),
    "restoreformer_plus_plus": (294_264_812, "f4db5a89902b", f"{HUB}/CountFloyd/deepfake/resolve/main"),
}
#: The gfpgan package's own: its version as the file names it, and the first figures of the SHA-256.
WEIGHTS = {"gfpgan_1.4": ("1.4", "e2cd4703ab14"), "gfpgan_1.3": ("1.3", "c953a88f2727")}

each = pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)


def test_no_network_is_missing_here_or_in_the_options() -> None:
    assert [spec.name for spec in NETWORKS] == list(TABLE)
    assert get_args(get_type_hints(EnhancerOptions)["model"]) == ("auto", *TABLE, "embedded")


@each
def test_every_number_of_the_contract(spec: NetworkSpec) -> None:
    assert (spec.size, spec.template, spec.weighted) == TABLE[spec.name]


@each
def test_the_file_that_is_pulled(spec: NetworkSpec) -> None:
    model = spec.model
    if spec.name not in FILES:
        assert model is None
        return
    assert isinstance(model, ModelSpec)
    size, digest, place = FILES[spec.name]
    assert (model.name, model.size, model.sha256[:12]) == (spec.name, size, digest)
    assert model.urls[0] == f"{place}/{spec.name}.onnx"
    assert (model.form, model.half) == ("onnx", None)


@each
def test_the_weights_of_the_package(spec: NetworkSpec) -> None:
    weights = spec.weights
    if spec.name not in WEIGHTS:
        assert weights is None
        return
    assert isinstance(weights, ModelSpec)
    version, digest = WEIGHTS[spec.name]
    assert (weights.size, weights.sha256[:12], weights.form) == (348_632_874, digest, "data")
    assert weights.urls[0] == f"https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv{version}.pth"


def test_the_default_can_be_pulled_and_no_two_files_share_a_place() -> None:
    assert NETWORKS[0].model is not None
    files = [model.file for spec in NETWORKS for model in (spec.model, spec.weights) if model is not None]
    assert len(files) == len(set(files)) == len(FILES) + len(WEIGHTS)


@each
def test_what_may_not_be_used_commercially_says_so(spec: NetworkSpec) -> None:
    for model in filter(None, (spec.model, spec.weights)):
        assert model.commercial == (spec.name not in NON_COMMERCIAL)
        assert ("not for commercial use" in model.terms) == (not model.commercial)


def test_declaring_imports_nothing_heavy() -> None:
    code = (
        "import sys, roop_enhancer.plugin as e; next(iter(e.roop_processors()));"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'onnx', 'torch', 'gfpgan', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
