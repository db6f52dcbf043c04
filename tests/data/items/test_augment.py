"""Augmentations keep a pair a rectified pair, and K the camera that took it."""

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.items.augment import StereoAugment, augment_generator, enlarge, scale_colors

HEIGHT, WIDTH = 60, 160
K = np.array([[120.0, 0, 78.0], [0, 125.0, 31.0], [0, 0, 1]])


def smooth_pair(disp=10, seed=0):
    """Smooth random scene; left(x) = right(x - disp)."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH + disp, 3), dtype=np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 20, 220, cv2.NORM_MINMAX)
    return np.ascontiguousarray(scene[:, :WIDTH]), np.ascontiguousarray(scene[:, disp:])


def mismatch(left, right, disp):
    """Mean difference of left(x) and right(x - disp) where both are in view; 8-bit grey values."""
    height, width = left.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32) - disp, np.arange(height, dtype=np.float32))
    warped = cv2.remap(right.astype(np.float32), x.astype(np.float32), y, cv2.INTER_LINEAR)
    return np.abs(warped - left)[:, int(np.ceil(disp)) + 1 :].mean()


@pytest.mark.parametrize("epoch", range(4))
def test_a_pair_keeps_its_disparity_multiplied_by_the_scale(epoch):
    augment = StereoAugment(color=None, scale=(1.2, 1.6), flip=True)
    left, right, new_K = augment(*smooth_pair(disp=10), K, augment_generator(0, epoch, 5))
    scale = new_K[0, 0] / K[0, 0]
    assert 1.2 <= scale <= 1.6 and new_K[1, 1] / K[1, 1] == pytest.approx(scale)
    true = mismatch(left, right, 10 * scale)
    assert true < 0.8  # rounding to 8 bits, twice
    assert all(mismatch(left, right, 10 * scale + off) > 2 * true for off in (-1, 1))


def test_depth_of_a_pair_survives_augmentation():
    """focal · baseline / disparity: both factors grow by the scale."""
    _, _, new_K = StereoAugment(color=None, scale=(1.6, 1.6), flip=False)(*smooth_pair(), K, augment_generator(0, 0, 0))
    assert new_K[0, 0] / (10 * 1.6) == pytest.approx(K[0, 0] / 10)


def draw_point(image, K, point):
    """Mark the projection of a 3-D point, to a fraction of a pixel."""
    x, y, depth = K @ point
    cv2.circle(image, (round(16 * x / depth), round(16 * y / depth)), 4 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return image


def centre_of_mark(image):
    weights = image[..., 0].astype(float)
    rows, columns = np.indices(weights.shape)
    return (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("index", range(3))
def test_augmented_camera_projects_a_point_to_where_the_image_shows_it(index, flip):
    generator = augment_generator(0, 0, index)
    flipped = flip and np.random.default_rng(np.random.SeedSequence((0, 0, index))).random(7)[6] < 0.5
    point = np.array([0.1, -0.05, 5.0])  # projects to (80.4, 29.75): near the middle, so that no crop loses it
    image = draw_point(np.zeros((HEIGHT, WIDTH, 3), np.uint8), K, point)
    left, _, new_K = StereoAugment(color=None, scale=(1.0, 1.6), flip=flip)(image, image, K, generator)
    mirrored = point * [-1 if flipped else 1, 1, 1]
    x, y, depth = new_K @ mirrored
    assert centre_of_mark(left) == pytest.approx((x / depth, y / depth), abs=0.1)


def test_enlarging_by_hand():
    """A ramp of 10 a column from column 16 on, enlarged twice: column x' shows (x' + 0.5) / 2 - 0.5 of it."""
    ramp = np.broadcast_to(10 * (np.arange(160, dtype=np.uint8) % 16)[None, :, None], (HEIGHT, WIDTH, 3)).copy()
    large = enlarge(ramp, 2.0, np.array([16.0, 0.0]))
    assert large[5, 1:9, 0].tolist() == pytest.approx([2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5], abs=0.5)


def test_enlarging_by_one_changes_nothing():
    left, _ = smooth_pair()
    np.testing.assert_array_equal(enlarge(left, 1.0, np.zeros(2)), left)


def test_crop_never_looks_outside_the_image():
    """The edges of the result, traced back through K, lie inside the original."""
    augment = StereoAugment(color=None, scale=(1.0, 1.6), flip=False)
    for index in range(50):
        _, _, new_K = augment(*smooth_pair(), K, augment_generator(0, 0, index))
        scale = new_K[0, 0] / K[0, 0]
        for axis, length in ((0, WIDTH), (1, HEIGHT)):
            first = (0.0 - new_K[axis, 2] - 0.5) / scale + K[axis, 2] + 0.5
            assert -1e-6 <= first and first + length / scale <= length + 1e-6


def test_flip_mirrors_and_exchanges_half_of_the_pairs():
    left, right = smooth_pair()
    augment, flips = StereoAugment(color=None, scale=None, flip=True), 0
    for index in range(200):
        new_left, new_right, new_K = augment(left, right, K, augment_generator(0, 0, index))
        if new_K[0, 2] != K[0, 2]:
            flips += 1
            assert new_K[0, 2] == WIDTH - 1 - K[0, 2] and new_K[0, 0] == K[0, 0]
            np.testing.assert_array_equal(new_left, right[:, ::-1])
            np.testing.assert_array_equal(new_right, left[:, ::-1])
        else:
            np.testing.assert_array_equal(new_left, left)
    assert 75 <= flips <= 125


def test_colours_change_alike_in_both_images_within_their_range():
    grey = np.full((4, 6, 3), 100, np.uint8)
    augment, seen = StereoAugment(color=(0.9, 1.1), scale=None, flip=False), []
    for index in range(100):
        left, right, _ = augment(grey, grey, K, augment_generator(0, 0, index))
        np.testing.assert_array_equal(left, right)
        seen.append(left[0, 0])
    seen = np.array(seen)
    assert seen.min() >= 90 and seen.max() <= 110 and np.ptp(seen, axis=0).min() > 15
    assert (seen.std(axis=1) > 0).mean() > 0.9  # channels have factors of their own


def test_bright_colours_saturate_instead_of_wrapping_round():
    bright = np.full((2, 2, 3), 250, np.uint8)
    np.testing.assert_array_equal(scale_colors(bright, np.array([1.1, 1.0, 0.9]))[0, 0], [255, 250, 225])


def test_same_seed_epoch_and_index_give_the_same_and_others_do_not():
    pair, augment = smooth_pair(), StereoAugment()

    def result(seed, epoch, index):
        return augment(*pair, K, augment_generator(seed, epoch, index))

    for first, again in zip(result(1, 2, 3), result(1, 2, 3), strict=True):
        np.testing.assert_array_equal(first, again)
    draws = {tuple(result(*key)[2].flatten()) for key in ((1, 2, 3), (1, 2, 4), (1, 3, 3), (2, 2, 3), (3, 2, 1))}
    assert len(draws) == 5


def test_leaving_one_augmentation_out_does_not_change_the_others():
    pair = smooth_pair()
    alone = StereoAugment(color=None, flip=False)(*pair, K, augment_generator(0, 0, 1))[2]
    with_color = StereoAugment(flip=False)(*pair, K, augment_generator(0, 0, 1))[2]
    np.testing.assert_array_equal(alone, with_color)


def test_nothing_switched_on_changes_nothing_and_inputs_are_never_written_to():
    left, right = smooth_pair()
    kept = left.copy(), right.copy()
    new_left, new_right, new_K = StereoAugment(None, None, False)(left, right, K, augment_generator(0, 0, 0))
    np.testing.assert_array_equal(new_left, left)
    np.testing.assert_array_equal(new_right, right)
    np.testing.assert_array_equal(new_K, K)
    StereoAugment()(left, right, K, augment_generator(0, 0, 0))
    np.testing.assert_array_equal(left, kept[0])
    np.testing.assert_array_equal(right, kept[1])


@pytest.mark.parametrize(("options", "setting"), [({"color": (1.1, 0.9)}, "color"), ({"scale": (0.5, 1.6)}, "scale")])
def test_ranges_that_make_no_sense_are_answered_in_one_line(options, setting):
    with pytest.raises(UserError, match=rf"augment\.{setting}: need"):
        StereoAugment(**options)
