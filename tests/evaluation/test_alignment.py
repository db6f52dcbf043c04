"""Fits to the ground truth: exact where they can be, on the evaluated pixels only, refused where undetermined."""

import numpy as np
import pytest

from depthrepro.core.protocol import Alignment
from depthrepro.evaluation.alignment import align, fit_scale_shift

RNG = np.random.default_rng(0)
TARGET = RNG.uniform(2, 40, (6, 8))
MASK = RNG.random((6, 8)) > 0.3


def test_none_changes_nothing():
    assert align(TARGET, TARGET + 1, mask=MASK, method=Alignment.none) is TARGET


def test_median_is_the_ratio_of_medians_over_the_mask():
    depth = np.array([[1.0, 2.0, 6.0, 100.0]])
    target = np.array([[4.0, 10.0, 11.0, 0.0]])
    mask = np.array([[True, True, True, False]])
    np.testing.assert_allclose(align(depth, target, mask=mask, method=Alignment.median), depth * 5)  # 10 / 2


def test_median_bears_pixels_at_infinity():
    depth = np.array([[1.0, 2.0, np.inf]])
    aligned = align(depth, np.array([[2.0, 4.0, 50.0]]), mask=np.ones((1, 3), bool), method=Alignment.median)
    np.testing.assert_allclose(aligned, [[2, 4, np.inf]])


def test_lstsq_depth_undoes_scale_and_shift_and_skips_infinity():
    depth = (TARGET - 3) / 7
    np.testing.assert_allclose(align(depth, TARGET, mask=MASK, method=Alignment.lstsq_depth), TARGET)
    depth[np.nonzero(MASK)[0][0], np.nonzero(MASK)[1][0]] = np.inf
    aligned = align(depth, TARGET, mask=MASK, method=Alignment.lstsq_depth)
    assert np.isinf(aligned).sum() == 1
    np.testing.assert_allclose(aligned[np.isfinite(aligned)], TARGET[np.isfinite(aligned)])


def test_lstsq_inv_depth_undoes_an_affine_change_of_inverse_depth():
    np.testing.assert_allclose(align(5 / TARGET + 2, TARGET, mask=MASK, method="lstsq_inv_depth", cap_m=80), TARGET)


def test_only_masked_pixels_take_part_in_a_fit():
    spoilt = np.where(MASK, TARGET, 1e6)
    np.testing.assert_allclose(align(3 / TARGET - 1, spoilt, mask=MASK, method="lstsq_inv_depth", cap_m=80), TARGET)
    for alignment in (Alignment.median, Alignment.lstsq_depth):
        expected = align(TARGET / 2, TARGET, mask=MASK, method=alignment)
        np.testing.assert_array_equal(align(TARGET / 2, spoilt, mask=MASK, method=alignment), expected)


def test_least_squares_matches_the_normal_equations():
    x, y = RNG.random(20), RNG.random(20)
    expected = np.linalg.lstsq(np.stack([x, np.ones(20)], axis=1), y, rcond=None)[0]
    np.testing.assert_allclose(fit_scale_shift(x, y), expected)


@pytest.mark.parametrize("values", [np.ones(5), np.ones(1), np.empty(0)])
def test_undetermined_fits_are_refused(values):
    with pytest.raises(ValueError, match="not determined"):
        fit_scale_shift(values, values)


def test_no_ratio_to_a_median_of_infinity():
    mask = np.ones((1, 2), bool)
    with pytest.raises(ValueError, match="median depth is inf"):
        align(np.full((1, 2), np.inf), np.ones((1, 2)), mask=mask, method=Alignment.median)


@pytest.mark.parametrize("pred", [np.array([[1.0, np.nan, 2.0, 3.0]]), np.array([[-1.0, -2.0, -3.0, 4.0]])])
@pytest.mark.parametrize("mask", [np.ones((1, 4), bool), np.zeros((1, 4), bool)])
def test_no_ratio_to_a_median_that_is_no_depth(pred, mask):
    """A NaN anywhere, no pixel at all, or a median that is not positive."""
    with pytest.raises(ValueError, match="no ratio of medians"):
        align(pred, np.ones((1, 4)), mask=mask, method=Alignment.median)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 1001, 1002])
def test_the_ratio_is_that_of_numpys_medians(count):
    rng = np.random.default_rng(count)
    pred, target = rng.uniform(1, 9, count), rng.uniform(1, 9, count).astype(np.float32)
    expected = pred * (float(np.median(target)) / float(np.median(pred)))
    np.testing.assert_array_equal(align(pred, target, method=Alignment.median), expected)


@pytest.mark.parametrize(
    ("method", "pred"),
    [
        ("none", TARGET),
        ("median", TARGET * 3),
        ("lstsq_depth", TARGET * 3 - 5),
        ("lstsq_inv_depth", 7 / TARGET + 1),
        (Alignment.lstsq_inv_depth, -2 / TARGET),
    ],
)
def test_one_door_for_all_methods(method, pred):
    np.testing.assert_allclose(align(pred, TARGET, mask=MASK, method=method), TARGET)


def test_what_is_aligned_beyond_the_horizon_is_at_the_cap_or_infinitely_far_and_never_behind_the_camera():
    inverse, target = np.array([[0.5, 0.1, -0.2]]), np.array([[2.0, 10.0, 1.0]])
    mask = np.array([[True, True, False]])
    np.testing.assert_allclose(align(inverse, target, mask=mask, method="lstsq_inv_depth"), [[2, 10, np.inf]])
    np.testing.assert_allclose(align(inverse, target, mask=mask, method="lstsq_inv_depth", cap_m=50), [[2, 10, 50]])


def test_unknown_methods_and_other_sizes_are_refused():
    with pytest.raises(ValueError, match="sideways"):
        align(TARGET, TARGET, mask=MASK, method="sideways")
    with pytest.raises(ValueError, match="one shape"):
        align(TARGET[:2], TARGET, mask=MASK, method="none")
