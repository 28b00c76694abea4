"""What ``test_gfpgan.py`` runs with pytest in the environment that has the gfpgan package."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from roop_enhancer.engine import Restorer
from roop_enhancer.gfpgan_backend import GfpganRestorer
from roop_enhancer.networks import NetworkSpec
from roop_enhancer.onnx_backend import OnnxRestorer
from roop_enhancer.torch_compat import as_in_2022
from roop_host import Context, ModelError, ModelSpec
from roop_host.testing import context_of, frame_of
from roop_vision.align import aligned_crop, crop_matrix, template_points
from roop_vision.faces import FaceAnalyser
from roop_vision.options import VisionOptions

HOPPER = Path(__file__).parents[2] / "examples" / "media" / "hopper.jpg"
SPEC = NetworkSpec(name="gfpgan_1.4")

register_fake = torch.library.register_fake
with as_in_2022():
    from gfpgan.archs.gfpganv1_clean_arch import GFPGANv1Clean


class Exported(torch.nn.Module):
    """What an ONNX file of GFPGAN holds: the picture alone, with the noise that is stored."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Any) -> Any:
        return self.network(crop, return_rgb=False, randomize_noise=False)[0]


@pytest.fixture(scope="module")
def network() -> Any:
    """GFPGAN 1.4 with random weights, always the same: its picture depends on the crop, on the noise, and is not cut off."""
    torch.manual_seed(1)
    sizes = {"out_size": 512, "num_style_feat": 512, "channel_multiplier": 2, "num_mlp": 8, "narrow": 1}
    made = GFPGANv1Clean(**sizes, fix_decoder=False, input_is_latent=True, different_w=True, sft_half=True).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if name.startswith("condition") and name.endswith(".2.weight"):
                weight.mul_(12)
            elif "to_rgb" in name and name.endswith("modulated_conv.weight"):
                weight.mul_(0.35)
            elif name.startswith("stylegan_decoder.style_conv") and weight.shape == (1,):  # how strong the noise is
                weight.fill_(0.1)
    return made


@pytest.fixture(scope="module")
def files(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The weights as GFPGAN's authors publish them, and as ONNX."""
    kept = tmp_path_factory.getbasetemp().parent
    pth, onnx = kept / "net.pth", kept / "net.onnx"
    torch.save({"params_ema": network.state_dict()}, pth)
    crop = torch.zeros(1, 3, 512, 512)
    torch.onnx.export(Exported(network), (crop,), onnx, dynamo=False, opset_version=18, input_names=["input"])
    yield pth, onnx
    onnx.unlink()


@pytest.fixture(scope="module")
def ctx() -> Context:
    return context_of(threads=2)


@pytest.fixture(scope="module")
def crop_bgr() -> NDArray[np.uint8]:
    """A real face, aligned as the engine does."""
    frame = frame_of(np.asarray(cv2.imread(str(HOPPER)), np.uint8))
    analyser = FaceAnalyser()
    analyser.setup(context_of(VisionOptions(backend="embedded")))
    (face,) = analyser.analyse_picture(frame)
    matrix = crop_matrix(face.landmarks_5, template_points(SPEC.template) * np.float32(SPEC.size))
    assert matrix is not None
    crop = aligned_crop(frame, matrix, SPEC.size, outside=cv2.BORDER_REPLICATE)
    assert crop is not None
    return crop


def outside_calls() -> list[tuple[str, str]]:
    """Filled from now on with what asks the network, and what writes to the working folder. A hook stays for good."""
    told: list[tuple[str, str]] = []
    here = str(Path.cwd())

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event.startswith(("socket.", "urllib.", "http.")):
            told.append((event, ""))
        elif event in ("open", "os.mkdir") and str(Path(str(given[0])).absolute()).startswith(here):
            told.append((event, str(given[0])))

    sys.addaudithook(hook)
    return told


def psnr(made: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """In dB, of pictures in 0..1."""
    return float(-10 * np.log10(np.mean((made.astype(np.float64) - other) ** 2)))


def test_both_backends_draw_the_same_face(files: tuple[Path, Path], crop_bgr: NDArray[np.uint8], ctx: Context) -> None:
    told = outside_calls()
    own = ModelSpec.from_file(files[0], form="data")
    theirs: Restorer = GfpganRestorer(ctx, NetworkSpec(name="gfpgan_1.4", weights=own), None)
    ours: Restorer = OnnxRestorer(ctx, SPEC, files[1], 0.5)
    threads = torch.get_num_threads()
    made = theirs.restore(np.stack([crop_bgr, crop_bgr[:, ::-1], crop_bgr]))
    assert (made.shape, made.dtype) == ((3, 512, 512, 3), np.float32)
    assert torch.get_num_threads() == threads
    assert made[0].tobytes() == made[2].tobytes()
    drawn = ours.restore(crop_bgr[None])
    assert psnr(made[0], drawn[0]) >= 50
    # The picture is one that tells: it is drawn from this crop, and hardly cut off.
    assert psnr(made[0], made[1]) < 35
    assert made[0].std() > 0.05
    assert np.mean((made <= 0) | (made >= 1)) < 0.05
    assert told == []
    assert list(Path.cwd().iterdir()) == []


def test_what_stood_in_for_the_import_is_gone() -> None:
    assert "torchvision.transforms.functional_tensor" not in sys.modules
    assert torch.library.register_fake is register_fake


def test_declared_weights_that_are_not_the_known_ones_are_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(b"other weights")
    model = ModelSpec(name="w", sha256="0" * 64, size=13, licence="none", path=lambda: path, form="data")
    with pytest.raises(ModelError, match="is not the w it should be"):
        GfpganRestorer(ctx, NetworkSpec(name="gfpgan_1.4", weights=model), None)


class Evil:
    """A pickle that writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_file_is_not_run(legacy: bool, ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path, written = tmp_path / "evil.pth", tmp_path / "written"
    if legacy:
        path.write_bytes(pickle.dumps({"params_ema": Evil(written)}))
    else:
        torch.save({"params_ema": Evil(written)}, path)
        torch.load(path, weights_only=False)  # it is as evil as it should be
        written.unlink()
    with pytest.raises(ModelError, match="evil is no file of weights that torch reads"):
        GfpganRestorer(ctx, SPEC, path)
    assert not written.exists()


def test_other_files_are_told_in_one_sentence(files: tuple[Path, Path], ctx: Context, tmp_path: Path) -> None:
    first = torch.zeros(1, 3, 3, 3)
    kinds: dict[str, Any] = {
        "none": [first],
        "bare": {"conv_first.weight": first},
        "other": {"params_ema": {"conv_first.weight": first}},
        "lacking": {"params": {"conv_body_first.weight": torch.zeros(32, 3, 1, 1)}},
        "numbers": {"params_ema": {3: first}},
    }
    for name, state in kinds.items():
        torch.save(state, tmp_path / f"{name}.pth")
    with files[0].open("rb") as whole:
        (tmp_path / "cut.pth").write_bytes(whole.read(1_000_000))
    for name in (*kinds, "cut"):
        with pytest.raises(ModelError, match=rf"^the model {name} is no [^\n]*; take another file$"):
            GfpganRestorer(ctx, SPEC, tmp_path / f"{name}.pth")
