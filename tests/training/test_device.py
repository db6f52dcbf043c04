import pytest
import torch

from depthrepro.config.schema import Precision
from depthrepro.core.errors import UserError
from depthrepro.training.device import choose_device, choose_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("native", "expected"), [(True, Precision.bf16), (False, Precision.fp32)])
def test_auto_takes_bf16_only_where_the_cpu_computes_in_it(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": native, "avx2": True}, raising=False)
    assert choose_precision(Precision.auto, CPU) is expected


def test_a_release_that_cannot_tell_gets_fp32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision(Precision.auto, CPU) is Precision.fp32


def test_what_is_asked_for_is_taken():
    assert choose_precision(Precision.fp32, CPU) is Precision.fp32
    with pytest.raises(UserError, match="needs a GPU"):
        choose_precision(Precision.fp16, CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_told():
    assert choose_device("auto") == CPU
    with pytest.raises(UserError, match="no usable GPU"):
        choose_device("cuda")
    with pytest.raises(UserError, match="is no device"):
        choose_device("abacus")
