"""The synthetic sets behind the configurations: rendered into the cache when they are first asked for."""

from __future__ import annotations

from pathlib import Path

from depthrepro.config.schema import default_cache_dir
from depthrepro.data.base import ClassDataset, DepthDataset, ImageDataset, LabelledDataset
from depthrepro.data.fingerprint import synthetic_fingerprint
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.depth_folder import DepthFolder, Sky, depth_folder
from depthrepro.data.readers.image_folder import image_folder
from depthrepro.data.readers.kitti_stereo import build
from depthrepro.data.readers.places import class_images
from depthrepro.data.readers.probed_images import ProbedImages
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.world import World


def labelled_streets(images: int, cache_dir: str | None = None) -> LabelledDataset:
    """Synthetic streets with dense depth, to learn from.

    Args:
        images: How many.
        cache_dir: Folder of caches; None = the user's.
    """
    # Here and below: Embree and the scenes, 0.15 s that real data need not wait for.
    from depthrepro.worlds.sets.views import DEPTH_STEPS, StreetsDepth, ViewsConfig

    return _with_depth(StreetsDepth(ViewsConfig(images)), "train.csv", DEPTH_STEPS, cache_dir)


def labelled_rooms(images: int, cache_dir: str | None = None) -> LabelledDataset:
    """Synthetic rooms with dense depth, to learn from; see `labelled_streets`."""
    return rooms("train", images, 0, cache_dir)


def rooms(part: str, images: int, test_images: int, cache_dir: str | None = None) -> DepthFolder:
    """One part of synthetic rooms, "train" or "test", with dense depth in metres; see `labelled_streets`."""
    from depthrepro.worlds.sets.rooms import DEPTH_STEPS, Rooms, RoomsConfig  # Embree takes 0.2 s

    return _with_depth(Rooms(RoomsConfig(images, test_images)), f"{part}.csv", DEPTH_STEPS, cache_dir)


def halls(images: int, cache_dir: str | None = None) -> DepthDataset:
    """Rendered interiors of kinds that `rooms` lacks, to test on; see `labelled_streets`."""
    from depthrepro.worlds.sets.rooms import DEPTH_STEPS, Halls, RoomsConfig  # Embree takes 0.2 s

    return _with_depth(Halls(RoomsConfig(images)), "test.csv", DEPTH_STEPS, cache_dir)


def heldout(images: int, cache_dir: str | None = None) -> DepthDataset:
    """Rendered scenes of kinds that no training set has, to test on; see `labelled_streets`."""
    from depthrepro.worlds.sets.views import DEPTH_STEPS, Heldout, ViewsConfig  # Embree takes 0.2 s

    return _with_depth(Heldout(ViewsConfig(images)), "test.csv", DEPTH_STEPS, cache_dir, title="yards")


def unlabelled_worlds(images: int, cache_dir: str | None = None) -> ImageDataset:
    """Synthetic images without depth, in a style that the labelled ones lack; see `labelled_streets`."""
    from depthrepro.worlds.sets.views import Abroad, ViewsConfig  # Embree takes 0.2 s

    world = Abroad(ViewsConfig(images))
    root = _root(world, cache_dir)
    found = image_folder(str(root), name=f"{world.name} (synthetic)", listing="images.csv", cache_dir=cache_dir)
    assert found is not None
    found.synthetic, found.fingerprint = True, synthetic_fingerprint(found, root)
    return found


def _with_depth(
    world: World, listing: str, steps: int, cache_dir: str | None, *, title: str | None = None
) -> DepthFolder:
    name, root = f"{title or world.name} (synthetic)", _root(world, cache_dir)
    found = depth_folder(str(root), listing, name=name, scale=1 / steps, sky=Sky.zero, synthetic=True)
    assert found is not None
    found.fingerprint = synthetic_fingerprint(found, root)
    return found


def _root(world: World, cache_dir: str | None) -> Path:
    return ensure_world(world, default_cache_dir(cache_dir) / "worlds")


@optional_root
def kitti2012_images(root: Path) -> ImageDataset:
    """Both images of the training pairs of KITTI 2012 or 2015, never those of test pairs; None without a folder.

    Args:
        root: The data set's folder.

    Raises:
        UserError: As the stereo reader.
    """
    train = build(str(root)).train
    files = [(f"{r.id}/{side}", path) for r in train.records for side, path in (("left", r.left), ("right", r.right))]
    images = ProbedImages(f"{train.name}, images alone", files)
    images.fingerprint = f"images of {train.fingerprint}"
    return images


def places(part: str, train_images: int, val_images: int, cache_dir: str | None = None) -> ClassDataset:
    """One part, "train" or "val", of the synthetic places, in MiniPlaces' layout; see `labelled_streets`."""
    from depthrepro.worlds.sets.places import Places, PlacesConfig

    root = _root(Places(PlacesConfig(train_images, val_images)), cache_dir)
    found = class_images(root, part, "places (synthetic)", synthetic=True)
    found.fingerprint = synthetic_fingerprint(found, root)
    return found
