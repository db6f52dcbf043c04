"""Published weights: the maps of the reference implementation, in either kind of names, or a clear refusal."""

from __future__ import annotations

import json
import re

import pytest
import torch
from torch import nn

from depthrepro.errors import UserError
from depthrepro.files import sha256
from depthrepro.models.depth_anything import PUBLISHED_INPUT, DepthAnything
from depthrepro.models.published import BLOCKS, load_published, our_names
from depthrepro.models.weights import summarise

transformers = pytest.importorskip("transformers", reason="the reference implementation; pip install -e '.[dev]'")

# Hugging Face's names in the files that are published, where today's transformers has other names in memory.
PUBLISHED = ((r"attention\.q_proj", "attention.attention.query"), (r"attention\.k_proj", "attention.attention.key"))
PUBLISHED += ((r"attention\.v_proj", "attention.attention.value"), (r"attention\.o_proj", "attention.output.dense"))


def reference(blocks=(9, 10, 11, 12), **options) -> nn.Module:
    """Hugging Face's network in the configuration of ViT-S, every parameter random, those that start at 0 or 1 too."""
    backbone = transformers.Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_indices=list(blocks),
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
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
    state, source = {}, model.state_dict()
    get = lambda kind, *names: {f"{a}.{k}": source[f"{b}.{k}"] for a, b in names for k in kind.split()}  # noqa: E731
    embeddings = "backbone.embeddings"
    state["pretrained.cls_token"] = source[f"{embeddings}.cls_token"]
    state["pretrained.pos_embed"] = source[f"{embeddings}.position_embeddings"]
    state["pretrained.mask_token"] = source[f"{embeddings}.mask_token"]
    both = "weight bias"
    state |= get(both, ("pretrained.patch_embed.proj", f"{embeddings}.patch_embeddings.projection"))
    for i in range(12):
        a, b = f"pretrained.blocks.{i}", f"backbone.encoder.layer.{i}"
        for kind in both.split():
            parts = [source[f"{b}.attention.{part}_proj.{kind}"] for part in "qkv"]
            state[f"{a}.attn.qkv.{kind}"] = torch.cat(parts)
        state |= get(both, (f"{a}.attn.proj", f"{b}.attention.o_proj"), (f"{a}.norm1", f"{b}.norm1"))
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
    assert ours.policy == PUBLISHED_INPUT and not ours.training
    assert sha256(file) in capsys.readouterr().out
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


def test_the_version_is_read_from_the_name_or_given(theirs, tmp_path):
    state = original_names(theirs)
    for name, options, blocks in (
        ("depth_anything_vits14.pth", {}, BLOCKS[1]),
        ("depth_anything_v2_vits.pth", {}, BLOCKS[2]),
        ("mine.pth", {"version": 2}, BLOCKS[2]),
    ):
        torch.save(state, tmp_path / name)
        assert load_published(tmp_path / name, **options).encoder.blocks == list(blocks["vits"])
    torch.save(state, tmp_path / "depth_anything_v2_metric_hypersim_vits.pth")
    metric = load_published(tmp_path / "depth_anything_v2_metric_hypersim_vits.pth")
    assert (metric.head, metric.max_depth_m) == ("metric", 20.0)


@pytest.mark.parametrize(("encoder", "width", "features"), [("vitb", 768, 128), ("vitl", 1024, 256)])
def test_larger_sizes_have_a_place_for_every_published_tensor(encoder, width, features):
    with torch.device("meta"):
        model = DepthAnything(encoder)
    count = 24 if encoder == "vitl" else 12
    out = {"vitb": (96, 192, 384, 768), "vitl": (256, 512, 1024, 1024)}[encoder]
    state = model.state_dict()
    assert state["encoder.vit.cls_token"].shape[-1] == width
    assert f"encoder.vit.blocks.{count - 1}.ls2.gamma" in state and f"encoder.vit.blocks.{count}.ls2.gamma" not in state
    assert [state[f"decoder.project.{i}.weight"].shape[0] for i in range(4)] == list(out)
    assert state["decoder.adapt.0.weight"].shape == (features, out[0], 3, 3)


def test_differences_are_told_and_nothing_is_loaded(theirs, tmp_path):
    state = original_names(theirs)
    del state["depth_head.projects.1.bias"]
    state["depth_head.extra.weight"] = torch.zeros(2)
    state["pretrained.norm.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(UserError) as error:
        load_published(tmp_path / "a.pth")
    for words in (
        "1 missing (decoder.project.1.bias)",
        "1 not known (depth_head.extra.weight)",
        "1 of another shape (encoder.vit.norm.weight (3,) for (384,))",
        "a.pth",
    ):
        assert words in str(error.value)


def test_many_names_are_counted_by_module():
    names = [f"encoder.vit.blocks.{i}.x" for i in range(9)] + ["decoder.head.0.bias"]
    assert summarise(names).endswith("6 more in encoder.vit.blocks, 1 more in decoder.head.0")


def test_wrappers_are_looked_into(theirs, tmp_path):
    wrapped = {"state_dict": {f"module.{name}": value for name, value in original_names(theirs).items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "a.pth")
    assert load_published(tmp_path / "a.pth").encoder.blocks == list(BLOCKS[1]["vits"])


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not weights", "no readable weights"), ({"a": 1}, "holds no weights"), ({"a": torch.zeros(2)}, "no weights of")],
)
def test_files_of_something_else(tmp_path, content, words):
    file = tmp_path / "a.pth"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(UserError, match=rf"a\.pth.*{words}"):
        load_published(file)


def test_nothing_there_and_a_name_offline(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no such file or folder"):
        load_published(tmp_path / "none.pth")
    with pytest.raises(UserError, match="holds no model.safetensors"):
        load_published(tmp_path)
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(UserError, match="cannot be fetched"):
        load_published("depth-anything/Depth-Anything-V2-Small-hf")


def test_a_damaged_config_is_named(theirs, tmp_path):
    torch.save(published_names(theirs), tmp_path / "a.pth")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json: cannot be read"):
        load_published(tmp_path / "a.pth")
    (tmp_path / "config.json").write_text(json.dumps({"depth_estimation_type": "relative"}))
    assert load_published(tmp_path / "a.pth").head == "relative"


def test_a_part_of_query_key_value_is_missed(theirs):
    state = published_names(theirs)
    del state["backbone.encoder.layer.3.attention.attention.key.bias"]
    assert "encoder.vit.blocks.3.attn.qkv.bias" not in our_names(state)
