"""A teacher's labelled images, and unlabelled ones that it labels for its student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.data.base import ImageDataset
from depthrepro.data.concat import ConcatImages
from depthrepro.data.readers.labelled import LabelledSplits
from depthrepro.data.readers.pseudo_labels import PseudoLabelled


@dataclass
class StudentSplits(LabelledSplits):
    """A teacher's labelled images, and unlabelled ones with its pseudo-labels.

    Attributes:
        unlabelled: The images.
        folder: Their labels.
        teacher: The checkpoint that makes the labels.
        epoch_images: Unlabelled images of an epoch at most; None = all of them.
    """

    unlabelled: ImageDataset = field(kw_only=True)
    folder: Path = field(kw_only=True)
    teacher: Path = field(kw_only=True)
    epoch_images: int | None = field(kw_only=True, default=None)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each part."""
        return {**super().counts, "unlabelled": len(self.unlabelled)}

    @property
    def fingerprint(self) -> str:
        """As without unlabelled images, over their labels too."""
        return self.digest(self.train.fingerprint, self.val.fingerprint, self.pseudo_labelled().fingerprint)

    def pseudo_labelled(self) -> PseudoLabelled:
        """The unlabelled images with their labels.

        Raises:
            UserError: If there are none yet.
        """
        return PseudoLabelled(self.unlabelled, self.folder)


def student_data(
    labelled: LabelledSplits,
    unlabelled: Mapping[str, ImageDataset | None],
    teacher: str,
    pseudo_labels: str = "pseudo_labels",
    base: str = ".",
    epoch_images: int | None = None,
) -> StudentSplits:
    """A student's data.

    Args:
        labelled: The teacher's labelled images.
        unlabelled: Sets of images by name; None where no folder is given.
        teacher: The teacher's checkpoint.
        pseudo_labels: Folder that holds, or will hold, the labels: one folder below it for each teacher and image set.
        base: What `teacher` and `pseudo_labels` are relative to.
        epoch_images: Unlabelled images of an epoch at most; None = all, one sweep over them.

    Raises:
        UserError: If there is no unlabelled set, or the teacher's checkpoint is missing.
    """
    found = {name: images for name, images in unlabelled.items() if images is not None}
    missing = [f"{name} is left out: no folder is given for it" for name in unlabelled if name not in found]
    if not found:
        raise UserError("data.unlabelled: no set of images is given: set the root of one")
    if all(images.synthetic for images in found.values()):
        missing.append("unlabelled images are synthetic alone: set PHOTOGRAPHS, MINIPLACES or one of conf/unlabelled")
    images = ConcatImages(found)
    weights = Path(base) / Path(teacher).expanduser()
    folder = Path(base) / pseudo_labels / f"{teacher_digest(weights)}-{images.fingerprint[:12]}"
    name = f"{labelled.name}, unlabelled {' + '.join(found)}"
    return StudentSplits(
        name,
        labelled.synthetic,
        labelled.train,
        labelled.val,
        None,
        labelled.notes + missing,
        unlabelled=images,
        folder=folder,
        teacher=weights,
        epoch_images=epoch_images,
    )


def teacher_digest(checkpoint: Path) -> str:
    """12 hex digits over a checkpoint file.

    Raises:
        UserError: If it is missing.
    """
    if not checkpoint.is_file():
        raise UserError(
            f"{checkpoint}: no teacher yet; train one (python -m depthrepro.train +experiment=da_teacher, with the "
            "same seed) or name another with data.teacher=..."
        )
    return sha256(checkpoint)[:12]
