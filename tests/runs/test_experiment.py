import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.progress import duration
from depthrepro.core.protocol import GroundTruth
from depthrepro.runs.experiment import has_ground_truth


class Depths:
    """A test set whose images have ground truth of some kinds."""

    name = "set"

    def __init__(self, *kinds):
        self.kinds = kinds

    def __len__(self):
        return 2

    def has_depth(self, index, ground_truth):
        return index == 1 and ground_truth in self.kinds


def ask(*kinds):
    return has_ground_truth(Depths(*kinds), GroundTruth.raw_cam_z)


def test_ground_truth_is_asked_for_before_the_training():
    assert ask(GroundTruth.raw_cam_z, GroundTruth.dense)
    assert not ask()  # nothing to score with: trained and predicted, not scored
    with pytest.raises(UserError, match=r"there is dense: set eval\.ground_truth=dense"):
        ask(GroundTruth.dense)


@pytest.mark.parametrize(("seconds", "text"), [(44.6, "45 s"), (420, "7 min"), (11520, "3.2 h")])
def test_durations_are_rounded_for_people(seconds, text):
    assert duration(seconds) == text
