"""Images with classes: MiniPlaces by its official lists, and any folder with one folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.base import ClassDataset
from depthrepro.data.readers.checks import checked_folder, optional_root
from depthrepro.data.readers.probed_images import ProbedImages

PARTS = ("train", "val")
CATEGORIES = "categories.txt"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_LAYOUTS = (
    "expected MiniPlaces (categories.txt, train.txt, val.txt and images/), or train/<class>/<image> and "
    "val/<class>/<image>"
)

Item = tuple[str, Path, int]  # id, file, label


class ClassImages(ProbedImages, ClassDataset):
    """Images in files, each of one class.

    Args:
        name: Data set and part for people.
        items: Id, file and label of each image.
        classes: Names by label.
        synthetic: Whether the images are synthetic.

    Raises:
        UserError: If there is no image, one is missing, twice there or damaged, or a class has none.
    """

    def __init__(self, name: str, items: Sequence[Item], classes: Sequence[str], *, synthetic: bool = False) -> None:
        self.classes, self.labels, self.synthetic = list(classes), [item[2] for item in items], synthetic
        missing = [path for _, path, _ in items if not path.is_file()]
        if missing:
            raise UserError(f"{missing[0]}: no such image; {len(missing)} of {len(items)} of {name} are missing")
        empty = sorted(set(range(len(classes))) - set(self.labels))
        if empty:
            raise UserError(f"{name}: no image of {len(empty)} of {len(classes)} classes, first: {classes[empty[0]]}")
        super().__init__(name, [(id_, path) for id_, path, _ in items])
        lines = (f"{id_}|{label}|{size}\n" for (id_, _, label), size in zip(items, self.n_bytes, strict=True))
        self.fingerprint = hashlib.sha256("".join([*self.classes, *lines]).encode()).hexdigest()


def class_images(root: str | Path, part: str, name: str | None = None, *, synthetic: bool = False) -> ClassImages:
    """One part of a data set with classes, in MiniPlaces' layout or in folders.

    Args:
        root: The data set's folder.
        part: "train" or "val".
        name: For people; None = MiniPlaces, or the folder's name.
        synthetic: Whether the images are synthetic.

    Raises:
        UserError: If the folder has neither layout, or as the two readers.
    """
    folder = checked_folder(root, "data.root")
    if part not in PARTS:
        raise UserError(f"part must be train or val, got {part!r}")
    if (folder / CATEGORIES).is_file():
        classes, items = _miniplaces(folder, part)
        return ClassImages(f"{name or 'MiniPlaces'} {part}", items, classes, synthetic=synthetic)
    if (folder / part).is_dir():
        classes, items = _folders(folder, part)
        return ClassImages(f"{name or folder.name} {part}", items, classes, synthetic=synthetic)
    raise UserError(f"data.root={folder}: {_LAYOUTS}")


@optional_root
def training_images(root: Path) -> ClassImages:
    """The training images alone, for a student that learns no classes from them; None without a folder."""
    return class_images(root, "train")


def _miniplaces(root: Path, part: str) -> tuple[list[str], list[Item]]:
    """(classes, items) of lists with lines `<path below images/> <label>`; categories `/<letter>/<class> <label>`."""
    categories = _lines(root / CATEGORIES)
    if [label for _, label in categories] != list(range(len(categories))):
        raise UserError(f"{root / CATEGORIES}: its numbers must be 0 to {len(categories) - 1} in order")
    classes = [path.strip("/").partition("/")[2] or path.strip("/") for path, _ in categories]
    items: list[Item] = []
    for number, (path, label) in enumerate(_lines(root / f"{part}.txt"), start=1):
        if not 0 <= label < len(classes):
            raise UserError(f"{root / part}.txt, line {number}: label {label}, but {CATEGORIES} has {len(classes)}")
        items.append((str(Path(path).with_suffix("")), root / "images" / path, label))
    return classes, items


def _lines(path: Path) -> list[tuple[str, int]]:
    """(path, number) of each line of a list."""
    with reading(path, fix="fetch MiniPlaces' development kit again"):
        lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        name, _, label = line.rpartition(" ")
        if not name or not label.isdigit():
            raise UserError(f"{path}, line {number}: expected '<path> <number>', got {line[:60]!r}")
        found.append((name, int(label)))
    if not found:
        raise UserError(f"{path}: the list is empty")
    return found


def _folders(root: Path, part: str) -> tuple[list[str], list[Item]]:
    """(classes, items) of <root>/<part>/<class>/<image>; every part must have the same classes."""
    names = {p: sorted(d.name for d in (root / p).iterdir() if d.is_dir()) for p in PARTS if (root / p).is_dir()}
    for other, classes in names.items():
        odd = sorted(set(classes) ^ set(names[part]))
        if odd:
            raise UserError(f"{root}: {part} and {other} have different classes, first: {odd[0]}")
    items = [
        (f"{part}/{name}/{path.stem}", path, label)
        for label, name in enumerate(names[part])
        for path in sorted((root / part / name).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    return names[part], items
