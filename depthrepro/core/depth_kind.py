"""Kinds of depth maps."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """Meaning of the numbers of a predicted map."""

    disp_frac = "disp_frac"
    depth = "depth"
    inv_depth = "inv_depth"
    affine_inv_depth = "affine_inv_depth"

    @property
    def unit(self) -> str:
        """Unit of the numbers, for people."""
        return {
            "disp_frac": "disparity / image width",
            "depth": "m",
            "inv_depth": "1/m",
            "affine_inv_depth": "1/m up to scale and shift",
        }[self.value]

    @property
    def near_is(self) -> str:
        """Whether near things have `small` or `large` numbers."""
        return "small" if self is Kind.depth else "large"
