"""The network of Garg et al.: sizes, the start at zero disparity, and that it learns."""

import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.losses.stereo import StereoLoss
from depthrepro.models.garg import LEVELS, PLACES, GargNet, placed

PAPER_SIZES = {
    "L7": (5, 19),
    "L8": (11, 38),
    "L9": (22, 76),
    "L10": (44, 152),
    "L11": (88, 304),
    "L12": (176, 608),
}


def small_net(**options) -> GargNet:
    return GargNet(**{"c6_filters": 8, **options})


def sizes(outputs):
    return {level: tuple(disp_frac.shape[-2:]) for level, disp_frac in outputs.items()}


def randomise_zero_layers(net, std=0.01):
    """What training does to the layers that start at zero."""
    torch.manual_seed(1)
    for conv in (net.c7, *net.skip.values()):
        torch.nn.init.normal_(conv.weight, std=std)
        torch.nn.init.constant_(conv.bias, 0.3)


@torch.no_grad()
def test_papers_input_gives_the_papers_sizes():
    outputs = small_net()(torch.rand(2, 3, 188, 620), LEVELS)
    assert sizes(outputs) == PAPER_SIZES
    assert all(disp_frac.shape[:2] == (2, 1) for disp_frac in outputs.values())


@torch.no_grad()
def test_layers_have_the_figures_sizes_and_filters():
    net, shapes = GargNet(), {}
    for name in ("c1", "c2", "c3", "c4", "c5", "c6", "c7"):
        getattr(net, name).register_forward_hook(
            lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape[1:])})
        )
    net(torch.rand(1, 3, 188, 620), ["L7"])
    assert shapes == {
        "c1": (96, 45, 153),
        "c2": (256, 22, 76),
        "c3": (384, 11, 38),
        "c4": (384, 11, 38),
        "c5": (256, 11, 38),
        "c6": (2048, 5, 19),
        "c7": (1, 5, 19),
    }


@torch.no_grad()
def test_default_outputs_are_the_four_of_the_resolution_table():
    net = small_net()
    assert tuple(net(torch.rand(1, 3, 96, 320))) == net.levels == ("L9", "L10", "L11", "L12")


@torch.no_grad()
@pytest.mark.parametrize("size", [(39, 39), (96, 320), (128, 416), (191, 621), (375, 1242)])
def test_any_image_size_works_and_levels_double(size):
    got = sizes(small_net()(torch.rand(1, 3, *size), LEVELS))
    for coarse, fine in zip(("L9", "L10", "L11"), ("L10", "L11", "L12"), strict=True):
        assert got[fine] == (2 * got[coarse][0], 2 * got[coarse][1])
    assert all(abs(8 * got["L9"][i] - size[i]) <= 24 for i in range(2))


@torch.no_grad()
def test_skip_into_l10_gives_the_papers_odd_row():
    net = small_net(skips=["L8", "L9", "L10"])
    randomise_zero_layers(net)
    outputs = net(torch.rand(1, 3, 188, 620), LEVELS)
    assert sizes(outputs)["L10"] == (46, 154)
    assert sizes(outputs)["L12"] == (184, 616)


@torch.no_grad()
def test_each_skip_reaches_its_level_and_the_finer_ones_only():
    image = torch.rand(1, 3, 96, 320)
    net = small_net(skips=["L8", "L9", "L10"])
    for level, conv in net.skip.items():
        torch.nn.init.constant_(conv.bias, 1.0)
        reached = [name for name, disp_frac in net(image, LEVELS).items() if disp_frac.abs().sum() > 0]
        assert reached == list(LEVELS[LEVELS.index(level) :])
        torch.nn.init.zeros_(conv.bias)


@torch.no_grad()
def test_only_what_is_asked_for_is_returned_coarse_to_fine_and_unchanged():
    net = small_net()
    randomise_zero_layers(net)
    image = torch.rand(1, 3, 96, 320)
    whole = net(image, LEVELS)
    part = net(image, ["L10", "L8"])
    assert list(part) == ["L8", "L10"]
    assert torch.equal(part["L10"], whole["L10"]) and torch.equal(part["L8"], whole["L8"])


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"padding": "zero", "learned_upsampling": False, "skips": []}])
def test_first_prediction_is_exactly_zero(options):
    for disp_frac in small_net(**options)(torch.rand(2, 3, 96, 320), LEVELS).values():
        assert torch.count_nonzero(disp_frac) == 0


def net_with_constant_map(padding, **options):
    """Zero everywhere except C7's bias: every coarse map is 1."""
    net = small_net(padding=padding, **options)
    torch.nn.init.constant_(net.c7.bias, 1.0)
    return net


@torch.no_grad()
def test_zero_padding_darkens_the_borders_of_finer_maps_and_replicate_padding_does_not():
    image = torch.rand(1, 3, 96, 320)
    for level, disp_frac in net_with_constant_map("replicate", output_scale=0.5)(image).items():
        assert torch.equal(disp_frac, torch.full_like(disp_frac, 0.5)), level
    corners = [d[0, 0, 0, 0].item() for d in net_with_constant_map("zero")(image).values()]
    assert corners == sorted(corners, reverse=True) and corners[-1] < 0.4 * 0.01


@torch.no_grad()
def test_bfloat16_autocast_returns_float32_close_to_full_precision():
    torch.manual_seed(0)
    net = small_net()
    randomise_zero_layers(net, std=0.05)
    image = torch.rand(1, 3, 96, 320)
    exact = net(image)["L12"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = net(image)["L12"]
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("warp", ["exact", "linearised"])
def test_learns_the_shift_of_a_synthetic_pair(warp):
    """Left shows at x what right shows at x - 8: a few steps move from 0 towards 8 px of 160."""
    torch.manual_seed(0)
    coarse = torch.rand(2, 3, 5, 8)
    scene = torch.nn.functional.interpolate(coarse, size=(72, 168), mode="bilinear", align_corners=False)
    batch = {"image": scene[..., :160], "image_right": scene[..., 8:]}
    net, loss = small_net(c6_filters=64), StereoLoss(warp=warp)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    history = []
    for _ in range(13):
        total = torch.stack(list(loss(net, batch, ["L9"]).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < 0.6 * history[0]
    with torch.no_grad():
        assert 0.01 < net(batch["image"], ["L9"])["L9"].median() < 0.06  # 8 / 160 = 0.05
    assert net.c6.weight.grad.abs().sum() > 0 and net.c1.weight.grad.abs().sum() > 0


def gradients(net, levels):
    net.zero_grad(set_to_none=True)
    sum(disp_frac.square().mean() for disp_frac in net(torch.rand(1, 3, 96, 320), levels).values()).backward()
    return {name for name, p in net.named_parameters() if p.grad is not None}


def test_coarse_stages_leave_finer_layers_alone():
    net = small_net()
    reached = gradients(net, ["L8"])
    assert "upsample.L8.weight" in reached and "skip.L8.weight" in reached and "c1.weight" in reached
    assert not any("L9" in name or "L10" in name for name in reached)


def test_fixed_upsampling_trains_f1_and_f2_but_not_d3_to_d5():
    reached = gradients(small_net(learned_upsampling=False), ["L12"])
    assert {name for name in reached if name.startswith("upsample")} == {"upsample.L8.weight", "upsample.L9.weight"}


@torch.no_grad()
def test_features_neither_die_nor_explode_on_the_way_down():
    torch.manual_seed(0)
    net, spread = GargNet(), {}
    net.c6.register_forward_hook(lambda _m, _i, out: spread.update(c6=out.std().item()))
    net(torch.rand(2, 3, 96, 320), ["L7"])
    assert 0.05 < spread["c6"] < 5


def test_settings_that_make_no_sense_are_answered_in_one_line():
    with pytest.raises(UserError, match=r"model\.skips: 'L11'"):
        small_net(skips=["L11"])
    with pytest.raises(UserError, match="'L13' is no output of GargNet"):
        small_net()(torch.rand(1, 3, 96, 320), ["L9", "L13"])
    with pytest.raises(UserError, match=r"\(38, 320\) is too small"):
        small_net()(torch.rand(1, 3, 38, 320))


def test_rows_of_filters_that_no_pixel_reaches_get_no_gradient_in_bf16():
    """Weights must not take up what memory held before: the same training would end in other files each time."""
    net = GargNet(c6_filters=512)
    for _ in range(3):
        del_me = [torch.full((512, 256, 5, 5), float("nan")) for _ in range(3)]
        del del_me
        net.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            l6, _ = net._encode(torch.rand(2, 3, 64, 192))
        l6.float().square().mean().backward()
        assert net.c6.weight.grad[:, :, [0, 4]].count_nonzero() == 0


def test_half_the_width_has_half_the_filters_and_the_same_maps_sizes():
    full, half = small_net(), small_net(width=0.5, skips=("L8", "L9", "L10"))
    assert [half.get_submodule(f"c{n}").out_channels for n in range(1, 6)] == [48, 128, 192, 192, 128]
    image = torch.rand(1, 3, 64, 96)
    assert half(image, ["L9"])["L9"].shape == full(image, ["L9"])["L9"].shape
    with pytest.raises(UserError, match=r"^model\.width must be above 0, got 0$"):
        small_net(width=0)


@pytest.mark.parametrize(("level", "size"), [("L9", (11, 39)), ("L12", (88, 312))])
def test_placed_maps_stand_where_their_features_look(level, size):
    first, step = PLACES[level]
    column_of_the_image = (first + step * torch.arange(size[1]).float()).expand(1, 1, *size)
    found = placed(column_of_the_image, level, (96, 320))[0, 0, 0]
    stretched = (torch.arange(size[1]) + 0.5) * 320 / size[1] - 0.5  # where whoever resizes the map will put it
    expected = stretched.clamp(first, first + step * (size[1] - 1))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_l9_stands_where_its_skip_convolution_reads():
    torch.manual_seed(0)
    net = small_net().eval()
    for conv in (net.c1, net.c2):  # a mean over the field: its centre is the centre of what a column reads
        torch.nn.init.constant_(conv.weight, 1 / conv.weight[0].numel())
    torch.nn.init.constant_(net.skip["L9"].weight, 1.0)
    image = (torch.rand(1, 3, 96, 320) * 0.02 + 1).requires_grad_()
    net(image, ["L9"])["L9"][0, 0, 5, 19].backward()
    seen = image.grad.abs().sum((0, 1, 2)).double()
    centre = (seen * torch.arange(320)).sum() / seen.sum()
    first, step = PLACES["L9"]
    assert abs(centre - (first + step * 19)) < 1.5


def test_placement_changes_only_where_the_maps_stand():
    torch.manual_seed(0)
    stretched = small_net()
    randomise_zero_layers(stretched)
    cropped = small_net(placement="cropped")
    cropped.load_state_dict(stretched.state_dict())
    image = torch.rand(1, 3, 96, 320)
    for level, values in stretched(image).items():
        torch.testing.assert_close(cropped(image)[level], placed(values, level, (96, 320)))
    with pytest.raises(UserError, match=r"model\.placement: 'left' is unknown, choose from stretched, cropped"):
        small_net(placement="left")
    with pytest.raises(UserError, match=r"model\.placement=cropped: known for model\.skips=\[L8,L9\] alone"):
        small_net(placement="cropped", skips=["L8", "L9", "L10"])


def test_starts_from_a_checkpoint_of_the_same_layers(tmp_path):
    trained = small_net()
    randomise_zero_layers(trained)
    torch.save({"model": trained.state_dict()}, tmp_path / "last.pt")
    net = small_net(weights=str(tmp_path / "last.pt"))
    assert all(torch.equal(v, trained.state_dict()[k]) for k, v in net.state_dict().items())
    with pytest.raises(UserError, match=r"model\.weights: .*last\.pt: its weights do not fit"):
        small_net(weights=str(tmp_path / "last.pt"), skips=["L8"])


def test_maps_placed_in_inference_mode_leave_training_alone():
    image = torch.rand(1, 3, 57, 133)  # a size that no other test has: what is kept is made here
    net = small_net(placement="cropped")
    with torch.inference_mode():
        net(image)
    net(image)["L12"].sum().backward()
    assert net.c7.weight.grad is not None
