"""Keeping the student's features near those of the encoder as it was before training.

Source: Depth Anything (arXiv:2401.10891), section 3.3, equation 8.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def feature_alignment_loss(student: Tensor, frozen: Tensor, *, tolerance: float = 0.85) -> Tensor:
    """1 - cosine of the two features, the mean over the pixels whose cosine does not exceed the tolerance.

    Features that agree well already are left alone: pixels of one object may have one semantic feature, but their
    depths differ.

    Args:
        student: The student's features, (B, C, h, w).
        frozen: The frozen encoder's, of the same shape; gets no gradient.
        tolerance: The paper's alpha; 1 keeps every pixel.

    Returns:
        Scalar; 0 with zero gradient if every pixel exceeds the tolerance.

    Raises:
        ValueError: If the shapes differ.

    Source: equation 8, 1 - 1/(HW) sum cos(f, f'). Differs: the paper does not say what a mean over the remaining pixels
    is divided by; here it is their number, as if the others were not there.
    """
    if student.shape != frozen.shape:
        raise ValueError(f"student {tuple(student.shape)} and frozen {tuple(frozen.shape)} must have one shape")
    dtype = torch.promote_types(student.dtype, torch.float32)
    cosine = F.cosine_similarity(student.to(dtype), frozen.detach().to(dtype), dim=1)
    # Rounding may lift a cosine of 1 a little above it.
    kept = cosine <= tolerance if tolerance < 1 else torch.ones_like(cosine, dtype=torch.bool)
    return torch.where(kept, 1 - cosine, 0.0).sum() / kept.sum().clamp(min=1)
