"""Published weights: the maps of the reference implementation, in either kind of names, or a clear refusal."""

from __future__ import annotations

import json
import re

import pytest
import torch
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.models.depth_anything import DepthAnything, load_published
from depthrepro.models.published import BLOCKS, describe, our_names
from depthrepro.models.published_input import HuggingFaceInput, OfficialInput, OfficialMetricInput

transformers = pytest.importorskip("transformers", reason="the reference implementation; pip install -e '.[dev]'")

# Width, blocks, heads, channels after the projection, channels of the fused maps: as published.
PUBLISHED_SIZES = {
    "vits": (384, 12, 6, [48, 96, 192, 384], 64),
    "vitb": (768, 12, 12, [96, 192, 384, 768], 128),
    "vitl": (1024, 24, 16, [256, 512, 1024, 1024], 256),
}
# Hugging Face's names in the files that are published, where today's transformers has other names in memory.
PUBLISHED = ((r"attention\.q_proj", "attention.attention.query"), (r"attention\.k_proj", "attention.attention.key"))
PUBLISHED += ((r"attention\.v_proj", "attention.attention.value"), (r"attention\.o_proj", "attention.output.dense"))


def reference(blocks=(9, 10, 11, 12), size="vits", image_size=518, **options) -> nn.Module:
    """Hugging Face's network in a published configuration, every parameter random, those that start at 0 or 1 too.

    Measured on ViT-S: any of the 234 tensors turned round moves the map by 1.4 % of its maximum or more, so that a
    difference below 0.01 % leaves no room for a tensor in the wrong place.
    """
    width, depth, heads, channels, features = PUBLISHED_SIZES[size]
    backbone = transformers.Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=image_size,
        patch_size=14,
        out_indices=list(blocks),
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=width,
        neck_hidden_sizes=channels,
        fusion_hidden_size=features,
        **options,
    )
    torch.manual_seed(0)
    model = transformers.DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn_like(value)
            if "lambda1" in name or ("norm" in name and name.endswith("weight")):
                value.copy_(1 + 0.3 * noise)
            elif value.ndim == 1 or ("embeddings" in name and "projection" not in name):
                value.copy_(0.3 * noise)
            else:
                value.copy_(noise / value[0].numel() ** 0.5)
        model.head.conv3.bias.fill_(3.0)  # or the last ReLU would leave little to compare
    return model.eval()


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    return reference()


def published_names(model: nn.Module) -> dict[str, torch.Tensor]:
    state = {}
    for name, value in model.state_dict().items():
        for pattern, old in PUBLISHED:
            name = re.sub(pattern, old, name)
        state[name] = value
    return state


def original_names(model: nn.Module) -> dict[str, torch.Tensor]:
    """The same weights as the authors named them; written down here on its own, from the published files' names."""
    state, source = {}, published_names(model)
    get = lambda kind, *names: {f"{a}.{k}": source[f"{b}.{k}"] for a, b in names for k in kind.split()}  # noqa: E731
    embeddings = "backbone.embeddings"
    state["pretrained.cls_token"] = source[f"{embeddings}.cls_token"]
    state["pretrained.pos_embed"] = source[f"{embeddings}.position_embeddings"]
    state["pretrained.mask_token"] = source[f"{embeddings}.mask_token"]
    both = "weight bias"
    state |= get(both, ("pretrained.patch_embed.proj", f"{embeddings}.patch_embeddings.projection"))
    for i in range(model.config.backbone_config.num_hidden_layers):
        a, b = f"pretrained.blocks.{i}", f"backbone.encoder.layer.{i}"
        for kind in both.split():
            parts = [source[f"{b}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{a}.attn.qkv.{kind}"] = torch.cat(parts)
        state |= get(both, (f"{a}.attn.proj", f"{b}.attention.output.dense"), (f"{a}.norm1", f"{b}.norm1"))
        state |= get(both, (f"{a}.norm2", f"{b}.norm2"), (f"{a}.mlp.fc1", f"{b}.mlp.fc1"))
        state |= get(both, (f"{a}.mlp.fc2", f"{b}.mlp.fc2"))
        for k in (1, 2):
            state[f"{a}.ls{k}.gamma"] = source[f"{b}.layer_scale{k}.lambda1"]
    state |= get(both, ("pretrained.norm", "backbone.layernorm"))
    head, neck = "depth_head", "neck.reassemble_stage.layers"
    for i in range(4):
        state |= get(both, (f"{head}.projects.{i}", f"{neck}.{i}.projection"))
        if i != 2:
            state |= get(both, (f"{head}.resize_layers.{i}", f"{neck}.{i}.resize"))
        state |= get("weight", (f"{head}.scratch.layer{i + 1}_rn", f"neck.convs.{i}"))
        net, layer = f"{head}.scratch.refinenet{4 - i}", f"neck.fusion_stage.layers.{i}"
        state |= get(both, (f"{net}.out_conv", f"{layer}.projection"))
        for unit in (1, 2):
            for conv in (1, 2):
                names = f"{net}.resConfUnit{unit}.conv{conv}", f"{layer}.residual_layer{unit}.convolution{conv}"
                state |= get(both, names)
    outputs = (("output_conv1", "conv1"), ("output_conv2.0", "conv2"), ("output_conv2.2", "conv3"))
    return state | get(both, *((f"{head}.scratch.{a}", f"head.{b}") for a, b in outputs))


def difference(ours: DepthAnything, theirs: nn.Module, size: tuple[int, int]) -> float:
    """Largest difference over the largest value."""
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        expected = theirs(pixel_values=(image - mean) / std).predicted_depth[:, None]
        found = next(iter(ours(image).values()))
    assert found.shape == expected.shape and float(expected.std()) > 1e-3
    return float((found - expected).abs().max() / expected.abs().max())


SIZES = [(518, 518), (252, 336), (140, 98)]


@pytest.mark.parametrize("names", [published_names, original_names, lambda model: model.state_dict()])
def test_the_same_map_at_every_size(theirs, names, tmp_path, capsys):
    file = tmp_path / "depth_anything_vits14.pth"
    torch.save(names(theirs), file)
    ours = DepthAnything.from_checkpoint(file)
    assert not ours.training and sha256(file) in capsys.readouterr().out
    if names is original_names:  # the authors' own way between the patches, see `test_encoders`; else the same network
        assert ours.transform == OfficialInput(corners=False) and ours.encoder.position_offset == 0.1
        assert difference(ours, theirs, (140, 98)) > 1e-3
        ours.encoder.position_offset = 0.0
    else:
        assert ours.transform == HuggingFaceInput()
    for size in SIZES if names is published_names else SIZES[1:]:
        assert difference(ours, theirs, size) < 1e-4


def test_a_folder_of_hugging_face_says_its_blocks_and_its_head(tmp_path):
    """V2's metric form: other blocks, a sigmoid times the largest depth."""
    theirs = reference((3, 6, 9, 12), depth_estimation_type="metric", max_depth=20)
    with torch.no_grad():
        theirs.head.conv3.bias.zero_()
    theirs.save_pretrained(tmp_path)
    ours = load_published(tmp_path)
    assert ours.encoder.blocks == list(BLOCKS[2]["vits"]) and ours.head == "metric" and ours.max_depth_m == 20
    assert difference(ours, theirs, (140, 98)) < 1e-4
    assert difference(load_published(tmp_path, version=1), theirs, (140, 98)) > 0.01  # other blocks, another map


@pytest.mark.parametrize(
    ("name", "version", "blocks", "head"),
    [
        ("depth_anything_vitl14.pth", None, [20, 21, 22, 23], ("relative", 80.0)),
        ("depth_anything_v2_vitl.pth", None, [4, 11, 17, 23], ("relative", 80.0)),
        ("mine.pth", 2, [4, 11, 17, 23], ("relative", 80.0)),
        ("depth_anything_v2_metric_hypersim_vitl.pth", None, [4, 11, 17, 23], ("metric", 20.0)),
        ("depth_anything_v2_metric_vkitti_vitl.pth", None, [4, 11, 17, 23], ("metric", 80.0)),
        ("DepthAnythingV2-Metric-Indoor.pth", None, [4, 11, 17, 23], ("metric", 20.0)),
        ("dinov2_depth_anything_v1.pth", None, [20, 21, 22, 23], ("relative", 80.0)),
        ("pytorch_model.bin", None, [20, 21, 22, 23], ("relative", 80.0)),  # as V1 is on the hub, in its authors' names
    ],
)
def test_the_version_and_the_head_are_read_from_the_name_or_given(name, version, blocks, head, tmp_path):
    found = describe({"pretrained.cls_token": torch.zeros(1, 1, 1024)}, tmp_path / name, tmp_path / "none", version)
    assert (found.encoder, list(found.blocks), (found.head, found.max_depth_m)) == ("vitl", blocks, head)


@pytest.mark.parametrize("size", list(PUBLISHED_SIZES))
@pytest.mark.parametrize(("names", "per_block"), [(published_names, 18), (original_names, 14)])
def test_every_published_tensor_has_its_place_in_every_size(size, names, per_block):
    depth = PUBLISHED_SIZES[size][1]
    with torch.device("meta"):  # names and shapes without numbers
        theirs, ours = reference(size=size), DepthAnything(size)
    state = names(theirs)
    # Seven tensors around the blocks; 8 projections, 6 resizers, 4 adapters, 40 in the fusions, 6 in the head.
    assert len(state) == 7 + per_block * depth + 64
    expected = {name: value.shape for name, value in ours.state_dict().items()}
    assert {name: value.shape for name, value in our_names(state).items()} == expected
    assert ours.encoder.blocks == list(range(depth - 4, depth))


def test_a_config_of_one_version_does_not_hold_for_an_original_file_of_the_other(theirs, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"backbone_config": {"out_indices": [9, 10, 11, 12]}}))
    torch.save(original_names(theirs), tmp_path / "depth_anything_v2_vits.pth")
    assert load_published(tmp_path).encoder.blocks == [2, 5, 8, 11]  # the folder's only weights


def test_names_of_hugging_face_without_a_version_are_refused(theirs, tmp_path):
    """Read with V1's blocks, V2's weights would give a plausible wrong map."""
    file = tmp_path / "pytorch_model.bin"
    torch.save(published_names(theirs), file)
    with pytest.raises(UserError, match=r"pytorch_model\.bin: V1's and V2's weights look alike; put the config\.json"):
        load_published(tmp_path)
    assert load_published(file, version=2).encoder.blocks == [2, 5, 8, 11]
    backbone = {"out_features": ["stage3", "stage6", "stage9", "stage12"]}
    (tmp_path / "config.json").write_text(json.dumps({"backbone_config": backbone, "max_depth": 1}))
    assert load_published(tmp_path).encoder.blocks == [2, 5, 8, 11]
    assert load_published(tmp_path, head="metric").max_depth_m == 80.0  # 1 is what a relative head's config has


@pytest.mark.parametrize("name", ["latest.pth", "from_v1_to_v2.pth", "dinov2_vits.pth"])
def test_original_names_without_a_version_are_refused(name, tmp_path):
    with pytest.raises(UserError, match=rf"{name}: V1's and V2's weights look alike; rename the file so that it says"):
        describe({"pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / name, tmp_path / "none", None)


def test_a_metric_file_that_does_not_say_its_range_is_refused(tmp_path):
    state, file = {"pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / "my_v2_metric.pth"
    with pytest.raises(
        UserError, match=r"my_v2_metric\.pth: nothing says its largest depth; .* indoor \(20 m\) or outdoor"
    ):
        describe(state, file, tmp_path / "none", None)
    assert describe(state, file, tmp_path / "none", None, 35.0).max_depth_m == 35.0


def test_each_version_has_the_input_of_its_authors_program(theirs, tmp_path):
    torch.save(original_names(theirs), tmp_path / "depth_anything_v2_vits.pth")
    assert load_published(tmp_path / "depth_anything_v2_vits.pth").transform == OfficialInput(corners=True)
    assert load_published(tmp_path / "depth_anything_v2_vits.pth", version=1).transform == OfficialInput(corners=False)


def test_positions_of_another_grid(tmp_path, capsys):
    """Original names: resampled at loading, and told. Hugging Face's: resized from the stored grid, as there."""
    theirs = reference(image_size=224)
    torch.save(original_names(theirs), tmp_path / "depth_anything_vits14.pth")
    ours = load_published(tmp_path / "depth_anything_vits14.pth")
    assert ours.encoder.vit.pos_embed.shape == (1, 1 + 37 * 37, 384)
    assert "vits14.pth: positions of 16x16 patches, resampled to 37x37\n" in capsys.readouterr().out
    torch.save(published_names(theirs), tmp_path / "depth_anything_hf_v1.pth")
    assert difference(load_published(tmp_path / "depth_anything_hf_v1.pth"), theirs, (140, 98)) < 1e-4
    assert "resampled" not in capsys.readouterr().out


def test_differences_are_told_and_nothing_is_loaded(theirs, tmp_path):
    state = original_names(theirs)
    del state["depth_head.projects.1.bias"]
    state["depth_head.extra.weight"] = torch.zeros(2)
    state["pretrained.norm.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "a_v1.pth")
    with pytest.raises(UserError) as error:
        load_published(tmp_path / "a_v1.pth")
    for words in (
        "1 missing (decoder.project.1.bias)",
        "1 not known (depth_head.extra.weight)",
        "1 of another shape (encoder.vit.norm.weight (3,) for (384,))",
        "a_v1.pth",
    ):
        assert words in str(error.value)


def test_a_file_of_something_else(tmp_path):
    torch.save({"core.pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / "zoe.pt")
    with pytest.raises(UserError, match=r"zoe\.pt: no weights of .*; it holds core\.pretrained\.cls_token"):
        load_published(tmp_path / "zoe.pt")
    with pytest.raises(UserError, match="version must be 1 or 2, got 3"):
        load_published(tmp_path / "zoe.pt", version=3)


def test_nothing_there_and_a_name_offline(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no such file or folder"):
        load_published(tmp_path / "none.pth")
    with pytest.raises(UserError, match=r"holds no model\.safetensors or .*; of other weights none"):
        load_published(tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):  # a path, not a name of the hub's
        load_published("weights/depth_anything_vits14.pth")
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(UserError, match="cannot be fetched"):
        DepthAnything.from_checkpoint("depth-anything/Depth-Anything-V2-Small-hf")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"backbone_config": {"out_indices": [9, 10]}}', r"out_indices \[9, 10\] are not four of the stages 1 to 12"),
        ('{"backbone_config": {"out_indices": [3, 6, 9, 40]}}', "are not four of the stages 1 to 12"),
        ('{"backbone_config": {"out_indices": [12, 9, 6, 3]}}', "in their order"),
    ],
)
def test_a_config_that_does_not_fit_is_named(tmp_path, content, words):
    (tmp_path / "config.json").write_text(content)
    state = {"backbone.embeddings.cls_token": torch.zeros(1, 1, 384)}
    with pytest.raises(UserError, match=rf"config\.json: .*{words}"):
        describe(state, tmp_path / "model.safetensors", tmp_path / "config.json", None)


def test_a_part_of_query_key_value_is_missed(theirs):
    state = published_names(theirs)
    del state["backbone.encoder.layer.3.attention.attention.key.bias"]
    assert "encoder.vit.blocks.3.attn.qkv.bias" not in our_names(state)


def metric_names(theirs: nn.Module, model: DepthAnything) -> dict[str, torch.Tensor]:
    """Weights of V1's metric network: the core, and `model`'s bins, in ZoeDepth's names."""
    core = {k: value for k, value in original_names(theirs).items() if "resConfUnit1" not in k or "4." not in k}
    bins, state = model.bins, {f"core.core.{name}": value for name, value in core.items()}
    parts = {"conv2": bins.bottleneck, "seed_bin_regressor._net": bins.seed.net, "seed_projector._net": bins.embed_seed}
    parts |= {f"projectors.{i}._net": part for i, part in enumerate(bins.embed)}
    parts |= {f"attractors.{i}._net": part.net for i, part in enumerate(bins.attract)}
    parts["conditional_log_binomial.mlp"] = bins.weigh.net
    state |= {f"{name}.{k}": value for name, part in parts.items() for k, value in part.state_dict().items()}
    return state | {"conditional_log_binomial.log_binomial_transform.k_idx": torch.arange(64).view(1, -1, 1, 1)}


@pytest.mark.parametrize("centers", ["softplus", "normed"])
def test_version_1_metric_weights_have_metric_bins(theirs, centers, tmp_path, capsys):
    """Normed centres are told by the last attractor layer: two numbers of its one attractor."""
    torch.manual_seed(0)
    options = {"attractors": [8, 4, 2, 1], "centers": centers}
    model = DepthAnything("vits", head="bins", max_depth_m=10.0, bins=options).eval()
    torch.save({"model": metric_names(theirs, model)}, tmp_path / "depth_anything_metric_depth_indoor.pt")
    loaded = load_published(tmp_path / "depth_anything_metric_depth_indoor.pt")
    assert f"bins ({centers}, to 10 m)" in capsys.readouterr().out
    assert loaded.head == "bins" and loaded.max_depth_m == 10.0 and loaded.kind.unit == "m"
    assert [part.points for part in loaded.bins.attract] == [8, 4, 2, 1] and loaded.bins.centers == centers
    assert loaded.transform == OfficialMetricInput() and loaded.encoder.position_offset == 0.1
    image = torch.rand(1, 3, 28, 42)
    expected = model.bins(loaded.decoder.maps(loaded.features(image), (28, 42)))
    assert torch.equal(loaded(image)["depth"], expected)


def test_bins_that_would_give_other_metres_are_refused(tmp_path):
    bins = {f"attractors.{i}._net.2.weight": torch.zeros(n, 128, 1, 1) for i, n in enumerate((32, 16, 8, 2))}
    bins |= {f"{part}._net.2.weight": torch.zeros(64, 128, 1, 1) for part in ("seed_bin_regressor", "seed_projector")}
    state, none = {"pretrained.cls_token": torch.zeros(1, 1, 384), **bins}, tmp_path / "none"
    with pytest.raises(UserError, match=r"mine\.pt: nothing says its largest depth; .* indoor \(10 m\) or outdoor"):
        describe(state, tmp_path / "mine.pt", none, None)
    assert describe(state, tmp_path / "metric_outdoor.pt", none, None).max_depth_m == 80.0
    with pytest.raises(UserError, match="ZoeDepth in Hugging Face's names needs its image processor; use model=hf"):
        describe({"backbone.embeddings.cls_token": torch.zeros(1, 1, 384), **bins}, tmp_path / "mine.pt", none, None)
    state["attractors.3._net.2.weight"] = torch.zeros(3, 128, 1, 1)
    with pytest.raises(UserError, match=r"mine\.pt: its last attractor layer makes 3 numbers"):
        describe(state, tmp_path / "mine.pt", none, None)
    del state["attractors.3._net.2.weight"]
    with pytest.raises(UserError, match=r"mine\.pt: its metric head lacks bins\.attract\.3\.net\.2\.weight"):
        describe(state, tmp_path / "mine.pt", none, None)
