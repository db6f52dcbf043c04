import inspect
from functools import partial

import pytest
import torch

from depthrepro.config.schema import Precision, TrainerConfig
from depthrepro.core.errors import UserError
from depthrepro.training import device as device_module
from depthrepro.training.device import build_optimizer, choose_device, choose_precision, compiles, fit_to_device
from tests.tiny import tiny_trainer

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
    for wanted in (Precision.fp16, Precision.tf32):
        with pytest.raises(UserError, match=f"precision={wanted.value} needs a GPU"):
            choose_precision(wanted, CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_told():
    assert choose_device("auto") == CPU
    with pytest.raises(UserError, match="no usable GPU"):
        choose_device("cuda")
    with pytest.raises(UserError, match="is no device"):
        choose_device("abacus")


class Compiled(torch.nn.Module):
    """Stands for torch's: calls the network, bears its weights under names of its own, and may fail."""

    def __init__(self, network, error=None):
        super().__init__()
        self._orig_mod, self.error, self.calls = network, error, 0

    def forward(self, *arguments):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self._orig_mod(*arguments)


def test_compiling_leaves_weights_their_names_and_validation_alone(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(torch, "compile", lambda network: made.append(Compiled(network)) or made[-1])
    plain, compiled = tiny_trainer(tmp_path / "a"), tiny_trainer(tmp_path / "b", compile="true")
    plain.fit()
    compiled.fit()
    assert [one.calls for one in made] == [6]  # the steps
    states = [torch.load(tmp_path / d / "checkpoints" / "last.pt", weights_only=True)["model"] for d in "ab"]
    assert list(states[0]) == list(states[1]) and all(torch.equal(v, states[1][k]) for k, v in states[0].items())


def test_a_network_that_cannot_be_compiled_is_told_in_a_line_and_trained(tmp_path, monkeypatch, capsys):
    error = torch._dynamo.exc.TorchDynamoException("no compiler\nand much more")
    monkeypatch.setattr(torch, "compile", lambda network: Compiled(network, error))
    trainer = tiny_trainer(tmp_path, compile="true")
    assert trainer.fit().step == 6 and not trainer.network.compiles
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert "torch.compile failed (no compiler): going on without" in line

    def unsupported(network):
        raise RuntimeError("not under this Python")

    monkeypatch.setattr(torch, "compile", unsupported)
    assert tiny_trainer(tmp_path / "again", compile="true").fit().step == 6
    assert "torch.compile failed (not under this Python)" in capsys.readouterr().err


def test_an_error_of_the_network_is_not_taken_for_one_of_the_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda network: Compiled(network, ValueError("of the network")))
    with pytest.raises(ValueError, match="of the network"):
        tiny_trainer(tmp_path, compile="true").fit()


@pytest.mark.parametrize(
    ("wanted", "device", "compiler", "expected"),
    [
        ("auto", "cuda", "/cc", True),
        ("auto", "cuda", None, False),
        ("auto", "cpu", "/cc", False),
        ("true", "cpu", None, True),
        ("false", "cuda", "/cc", False),
    ],
)
def test_auto_compiles_for_a_gpu_with_a_compiler_at_hand(monkeypatch, wanted, device, compiler, expected):
    monkeypatch.setattr(device_module.shutil, "which", lambda name: compiler)
    monkeypatch.setattr(device_module.importlib.util, "find_spec", lambda name: object())
    assert compiles(wanted, torch.device(device)) is expected


@pytest.mark.parametrize("value", ["auto", "true", "false", "True"])
def test_compile_takes_three_words(value):
    assert TrainerConfig(compile=value).compile == value.lower()
    with pytest.raises(UserError, match=r"trainer\.compile=maybe: write auto, true or false"):
        TrainerConfig(compile="maybe")


def test_one_kernel_updates_all_weights_on_a_gpu_where_torch_has_one():
    given = []

    def optimizer(groups, lr=0.1, fused=None):
        given.append(fused)

    for device in (CPU, torch.device("cuda")):
        build_optimizer(partial(optimizer, lr=1.0), [], device)
        build_optimizer(partial(optimizer, fused=False), [], device)
        build_optimizer(lambda groups: None, [], device)
    assert given == [None, False, True, False]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_torch_fuses_the_optimizers_of_the_configuration(kind):
    assert inspect.signature(partial(kind, lr=0.1)).parameters["fused"].default is None


def test_an_optimizers_state_goes_on_on_another_kind_of_device():
    weight = torch.nn.Parameter(torch.ones(3))
    there, here = (torch.optim.AdamW([weight], lr=0.1, fused=fused) for fused in (True, None))
    here.load_state_dict(fit_to_device(there.state_dict(), here))
    assert here.param_groups[0]["fused"] is None and here.param_groups[0]["lr"] == 0.1


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@GPU
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_training_on_a_gpu_resumes(tmp_path, precision):
    settings = {"device": torch.device("cuda"), "precision": Precision(precision), "checkpoint_seconds": 0.0}
    tiny_trainer(tmp_path, max_steps=3, compile="false", **settings).fit()
    assert torch.backends.cudnn.allow_tf32 is (precision == "tf32")
    trainer = tiny_trainer(tmp_path, compile="false", **settings)
    assert trainer.fit().step == 6 and all(bool(v.isfinite().all()) for v in trainer.model.state_dict().values())
