"""Which options go together, what is said of those that do not, and whose file runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import swap_graphs as graphs

from roop_host import Choice, InputError, ModelError, ModelSpec
from roop_host.testing import context_of
from roop_swapper.networks import NETWORKS, NetworkSpec
from roop_swapper.options import Engine, SwapperOptions
from roop_swapper.plugin import roop_processors
from roop_swapper.processor import Swapper

OWN = Path("own.onnx")


def named(name: str) -> NetworkSpec:
    return next(spec for spec in NETWORKS if spec.name == name)


def choice(name: str) -> Choice:
    (spec,) = roop_processors()
    return next(choice for choice in spec.choices if choice.value == name)


def test_every_network_is_an_engine_and_a_choice() -> None:
    names = [spec.name for spec in NETWORKS]
    assert {*names, "auto", "mesh"} == set(get_args(Engine))
    (spec,) = roop_processors()
    assert [choice.value for choice in spec.choices if choice.option == "engine"] == [names[0], "mesh", *names[1:]]
    pulled = [spec.name for spec in NETWORKS if spec.model is not None and (not spec.converts or spec.converter is not None)]
    assert sorted(set(names) - set(pulled)) == ["blendswap_256", "ghost_1_256", "ghost_2_256", "ghost_3_256", "simswap_256"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"engine_file": OWN},
            "--swapper-engine-file needs --swapper-engine with the name .*, not auto",
        ),
        ({"engine": "mesh", "engine_file": OWN}, "not mesh"),
        ({"engine": "mesh", "converter_file": OWN}, "--swapper-converter-file needs"),
        (
            {"engine": "mesh", "pixel_boost": 512},
            "which auto stands for while .* leave out --swapper-pixel-boost, or get .* roop models pull inswapper_128$",
        ),
        ({"engine": "mesh", "match_colour": "mean"}, "auto stands for .* roop models pull inswapper_128$"),
        (
            {"engine": "uniface_256", "proportions": 0.5},
            "for the engine mesh: uniface_256 redraws .* --swapper-engine mesh$",
        ),
        ({"engine": "inswapper_128", "source_glasses": "remove"}, "source-glasses are for the engine mesh"),
        ({"engine": "mesh", "weight": 0.5}, "auto stands for .* --swapper-weight is for networks.* roop models pull"),
        ({"engine": "uniface_256", "weight": 0.5}, "uniface_256 is shown a picture of the source"),
        ({"engine": "inswapper_128", "converter_file": OWN}, "inswapper_128, which takes no converter"),
        ({"engine": "ghost_1_256"}, "get them yourself and say --swapper-engine-file and --swapper-converter-file"),
        ({"engine": "ghost_1_256", "engine_file": OWN}, "say --swapper-converter-file"),
        ({"engine": "simswap_256"}, "not pulled, since nobody states size and hash .* say --swapper-engine-file$"),
        ({"engine": "blendswap_256"}, "say --swapper-engine-file$"),
        ({"engine": "hyperswap_1a_256", "pixel_boost": 384}, "take one of native, 256, 512, 768, 1024$"),
        ({"engine": "simswap_unofficial_512", "pixel_boost": 768}, "768 is no multiple of the 512 .* native, 512, 1024$"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SwapperOptions(**options)


@pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: spec.name)
def test_the_sizes_that_divide_are_offered(spec: NetworkSpec) -> None:
    files = {} if spec.model is not None else {"engine_file": OWN, "converter_file": OWN if spec.converts else None}
    for size in (256, 384, 512, 768, 1024):
        options: dict[str, Any] = {"engine": spec.name, "pixel_boost": size, **files}
        if size % spec.size:
            with pytest.raises(ValueError, match="no multiple"):
                SwapperOptions(**options)
        else:
            assert SwapperOptions(**options).pixel_boost == size


def test_a_file_of_ones_own_is_not_pulled_as_well() -> None:
    hififace = choice("hififace_unofficial_256")
    names = [[model.name for model in hififace.models_for(options)] for options in (
        SwapperOptions(engine="hififace_unofficial_256"),
        SwapperOptions(engine="hififace_unofficial_256", engine_file=OWN),
        SwapperOptions(engine="hififace_unofficial_256", converter_file=OWN),
        SwapperOptions(engine="hififace_unofficial_256", engine_file=OWN, converter_file=OWN),
    )]  # fmt: skip
    assert names == [
        ["hififace_unofficial_256", "crossface_hififace"],
        ["crossface_hififace"],
        ["hififace_unofficial_256"],
        [],
    ]
    assert [model.name for model in choice("simswap_256").models] == ["crossface_simswap"]
    assert choice("simswap_256").models_for(SwapperOptions(engine="simswap_256", engine_file=OWN, converter_file=OWN)) == ()
    assert choice("ghost_2_256").models == ()


def test_ones_own_network_is_the_one_that_runs(tmp_path: Path) -> None:
    spec = named("hyperswap_1b_256")
    own = tmp_path / "meins (2).onnx"
    own.write_bytes(graphs.swap(spec, graphs.identity(spec)))
    swapper = Swapper()
    context = context_of(SwapperOptions(engine="hyperswap_1b_256", engine_file=own), models=tmp_path)
    swapper.setup(context)
    (loaded,) = context.sessions.loaded  # type: ignore[attr-defined]
    assert (loaded["name"], loaded["sha256"]) == ("meins_2_", ModelSpec.from_file(own).sha256)


def test_ones_own_network_of_another_family(tmp_path: Path) -> None:
    own = tmp_path / "mine.onnx"
    own.write_bytes(graphs.swap(named("uniface_256"), graphs.identity(named("uniface_256"))))
    with pytest.raises(ModelError, match=r"mine is no network for the engine 'hyperswap_1b_256': its input source"):
        Swapper().setup(context_of(SwapperOptions(engine="hyperswap_1b_256", engine_file=own), models=tmp_path))


def test_ones_own_network_that_is_not_there(tmp_path: Path) -> None:
    options = SwapperOptions(engine="inswapper_128", engine_file=tmp_path / "none.onnx")
    with pytest.raises(InputError, match=r"none\.onnx can't be read .*; say another one"):
        Swapper().setup(context_of(options, models=tmp_path))


def test_ones_own_network_with_weights_elsewhere(tmp_path: Path) -> None:
    import onnx
    from onnx.external_data_helper import convert_model_to_external_data

    spec = named("inswapper_128")
    model = onnx.load_from_string(graphs.swap(spec, graphs.identity(spec)))
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "own.onnx")
    options = SwapperOptions(engine="inswapper_128", engine_file=tmp_path / "own.onnx")
    with pytest.raises(ModelError, match="keeps weights in other files"):
        Swapper().setup(context_of(options, models=tmp_path))


def test_a_small_inswapper_of_ones_own_has_its_own_map(tmp_path: Path) -> None:
    spec = named("inswapper_128")
    own = tmp_path / "own.onnx"
    own.write_bytes(graphs.swap(spec, graphs.Graph(gain=np.ones(3), half=True)))
    Swapper().setup(context_of(SwapperOptions(engine="inswapper_128", engine_file=own), models=tmp_path))


def test_auto_leaves_alone_what_only_mesh_knows() -> None:
    """The host has not said yet which engine it is."""
    assert SwapperOptions(proportions=0.7, source_glasses="remove").engine == "auto"
