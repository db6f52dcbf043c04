import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.data.items.augment import StereoAugment
from depthrepro.data.items.loader import EpochBatches, InOrder, make_loader, to_device
from depthrepro.data.items.stereo import TrainingPairs
from tests.tiny import TinyPairs


def keys(batches, epoch, start=0):
    batches.set_position(epoch, start)
    return list(batches)


def test_an_epoch_visits_pairs_at_most_once_and_epochs_differ():
    batches = EpochBatches(11, 4, seed=0)
    first, second = keys(batches, 0), keys(batches, 1)
    seen = [i for batch in first for _, i in batch]
    assert len(batches) == 2 and len(seen) == len(set(seen)) == 8
    assert [i for b in first for _, i in b] != [i for b in second for _, i in b]
    assert first == keys(batches, 0) and first != keys(EpochBatches(11, 4, seed=1), 0)


def test_starting_inside_an_epoch_gives_its_tail():
    batches = EpochBatches(20, 4, seed=0)
    assert keys(batches, 2, start=3) == keys(batches, 2)[3:]


def test_an_indivisible_batch_is_refused():
    with pytest.raises(UserError, match="multiple of 3"):
        EpochBatches(20, 4, seed=0, rank=0, world_size=3)


def test_validation_reaches_every_pair_once_over_ranks():
    seen = [i for rank in range(2) for batch in InOrder(7, 3, rank, 2) for _, i in batch]
    assert sorted(seen) == list(range(7))


def test_the_same_key_gives_the_same_sample_and_epochs_differ():
    pairs = TinyPairs(4)
    augmented = TrainingPairs(pairs, pairs, StereoAugment(color=(0.9, 1.1), scale=(1.0, 1.6), flip=True), seed=0)
    assert torch.equal(augmented[0, 2]["image"], augmented[0, 2]["image"])
    assert not torch.equal(augmented[0, 2]["image"], augmented[1, 2]["image"])


def test_a_batch_on_the_device():
    pairs = TinyPairs(4)
    loader = make_loader(TrainingPairs(pairs, pairs, None, seed=0), InOrder(4, 4), num_workers=0)
    batch = to_device(next(iter(loader)), torch.device("cpu"))
    expected = torch.from_numpy(pairs.images[1, 0]).permute(2, 0, 1).float() / 255
    torch.testing.assert_close(batch["image"][1], expected)
    assert batch["image"].max() <= 1 and batch["id"][1] == "tiny/001"
    assert batch["K"].shape == (4, 3, 3) and batch["focal_px"][0] == 20 and batch["baseline_m"][0] == 0.5
