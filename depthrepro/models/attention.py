"""Attention of a vision transformer, faster in half precision on a processor than torch's fused kernel."""

from __future__ import annotations

import torch
from timm.layers.attention import Attention
from torch import Tensor

_QUERIES = 256  # of a block: its weights of 1,370 tokens and six heads, 4 MB in bf16, stay in the processor's cache


class BlockAttention(Attention):
    """timm's attention, which without gradients and in half precision on a CPU takes the queries block by block.

    torch's fused kernel (2.14, an EPYC with AVX-512 and bf16, ViT-S at 518×518) takes 1.7 times as long. In float32,
    where it does not lag, on a GPU and in training it is used. Without gates and norms of the result: DINOv2 has none.
    """

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """Tokens (B, N, C) to tokens (B, N, C)."""
        half = x.dtype is torch.bfloat16 or torch.is_autocast_enabled("cpu")
        if x.device.type != "cpu" or torch.is_grad_enabled() or not half or attn_mask is not None or is_causal:
            return super().forward(x, attn_mask, is_causal)
        batch, tokens, _ = x.shape
        heads = self.qkv(x).unflatten(2, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4).contiguous()
        q, k, v = self.q_norm(heads[0]), self.k_norm(heads[1]).transpose(2, 3), heads[2]
        mixed = x.new_empty((batch, tokens, self.num_heads, self.head_dim), dtype=heads.dtype)
        for start in range(0, tokens, _QUERIES):
            block = slice(start, start + _QUERIES)
            weights = ((q[:, :, block] * self.scale) @ k).softmax(dim=3)
            mixed[:, block] = (weights @ v).transpose(1, 2)
        return self.proj(mixed.flatten(2))
