"""The forward pass: what the network is fed, in which mode, and what comes back in which order."""

import cv2
import numpy as np
import pytest
import torch

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.forward import forward, predict
from tests.evaluation.scenes import HEIGHT, WIDTH, Scenes, TwoLevels


class Recorder(TwoLevels):
    def forward(self, image):
        self.seen = image
        assert torch.is_inference_mode_enabled() and not self.training
        return super().forward(image)


class Broken(torch.nn.Module):
    kind = Kind.disp_frac

    made = None

    def forward(self, image):
        Broken.made = self
        raise RuntimeError("broken")


@pytest.mark.parametrize("batch_size", [1, 2])
def test_predict_yields_each_image_in_order_and_puts_the_modes_back(tmp_path, batch_size):
    data, model = Scenes(tmp_path, 3), Recorder()
    model.frozen.eval()
    outputs = predict(model, data, [2, 0, 1], transform=InputTransform(24, 80), batch_size=batch_size)
    first = next(outputs)
    assert not torch.is_inference_mode_enabled(), "the mode must not leak to the consumer"
    rest = list(outputs)
    assert [p.id for p in (first, *rest)] == ["scene/02", "scene/00", "scene/01"]
    assert first.levels["L9"].shape == (6, 20) and first.levels["L12"].shape == (12, 40)
    assert first.levels["L9"].dtype == np.float32
    assert model.training and not model.frozen.training
    assert model.calls == (3 if batch_size == 1 else 2)


def test_predict_feeds_rgb_in_zero_to_one_resized_by_area(tmp_path):
    data, model = Scenes(tmp_path, 1), Recorder()
    list(predict(model, data, [0], transform=InputTransform(HEIGHT // 2, WIDTH // 2)))
    bgr = cv2.imread(str(data.records[0].left)).astype(np.float64)
    mean = bgr[..., ::-1].reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(model.seen[0].permute(1, 2, 0).numpy(), mean, atol=0.51 / 255)


def test_whoever_consumes_predictions_finds_the_model_as_it_was(tmp_path):
    model = TwoLevels()
    outputs = predict(model, Scenes(tmp_path, 2), [0, 1], transform=InputTransform(24, 80))
    next(outputs)
    assert model.training
    with pytest.raises(RuntimeError, match="broken"):
        forward(Broken(), [np.zeros((8, 8, 3), np.uint8)], InputTransform(8, 8))
    assert Broken.made.training


def test_images_of_many_sizes_come_back_in_order_and_neighbours_of_one_size_share_a_batch():
    model = Recorder()
    transform = InputTransform(8, 8, multiple=8, keep_aspect=True)
    images = [np.full((8, width, 3), value, np.uint8) for value, width in enumerate((8, 8, 16, 8))]
    found = forward(model, images, transform)
    assert [maps["L12"].shape for maps in found] == [(4, 4), (4, 4), (4, 8), (4, 4)] and model.calls == 3
    np.testing.assert_array_equal(found[3]["L12"], forward(model, images[3:], transform)[0]["L12"])


def test_an_image_that_changed_its_size_is_named(tmp_path):
    data = Scenes(tmp_path, 1)
    cv2.imwrite(str(data.records[0].left), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(UserError, match=r"left\.png: 10x10 pixels where 160x48 are expected"):
        list(predict(TwoLevels(), data, [0], transform=InputTransform(24, 80)))


class Ramp(torch.nn.Module):
    """Depth that grows from left to right whatever the image, so that a mirrored prediction falls."""

    kind = Kind.depth

    def forward(self, images):
        return {"depth": torch.arange(images.shape[-1]).expand(len(images), 1, *images.shape[-2:]).float()}


@pytest.mark.parametrize(("flip", "row"), [(False, [0, 1, 2, 3]), (True, [1.5, 1.5, 1.5, 1.5])])
def test_a_prediction_is_averaged_with_the_mirror_images_only_where_that_is_asked(tmp_path, flip, row):
    found = predict(
        Ramp(),
        Scenes(tmp_path, 2),
        [0, 1],
        transform=InputTransform(2, 4),
        batch_size=2,
        flip_average=flip,
    )
    assert all((prediction.levels["depth"] == row).all() for prediction in found)


@pytest.mark.parametrize("keep_aspect", [False, True])
@pytest.mark.parametrize("multiple", [1, 14])
def test_an_image_of_the_inputs_size_is_not_resized_again(keep_aspect, multiple):
    """Inputs may be prepared ahead, by other threads: `forward` then leaves them as they are."""
    transform = InputTransform(70, 98, multiple=multiple, keep_aspect=keep_aspect)
    for height, width in np.random.default_rng(0).integers(20, 3000, (500, 2)).tolist():
        once = transform.size_for((height, width))
        assert transform.size_for(once) == once


def test_a_network_that_prepares_images_itself_gets_them_as_they_are():
    class OwnWay(torch.nn.Module):
        def predict_image(self, image):
            assert not self.training
            return {"depth": image[..., 0].astype(np.float32)}

    images = [np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.zeros((3, 5, 3), np.uint8)]
    plain = forward(OwnWay(), images, InputTransform(8, 8))
    assert [maps["depth"].shape for maps in plain] == [(2, 4), (3, 5)]
    np.testing.assert_array_equal(plain[0]["depth"], images[0][..., 0])
    averaged = forward(OwnWay(), images, InputTransform(8, 8), flip_average=True)
    np.testing.assert_array_equal(averaged[0]["depth"], images[0][..., 0], "a mirrored map is mirrored back")


def test_only_the_asked_levels_are_computed():
    class Levels(torch.nn.Module):
        def forward(self, image, levels):
            return {name: image[:, :1] for name in levels}

    (maps,) = forward(Levels(), [np.zeros((8, 8, 3), np.uint8)], InputTransform(8, 8), levels=["L9"])
    assert list(maps) == ["L9"]
