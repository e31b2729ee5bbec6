"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685, section 4.1), through PEFT.

An adapted linear layer gives W x + (alpha / r) B A x, with A (r, in) random and B (out, r) zero at
first: training begins at the pretrained model. They are put into the model itself, without a
wrapper around it, so that its class, ``forward`` and ``generate`` stay what they are; ``merge``
leaves plain layers with the weights W + (alpha / r) B A.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from hfdl.config.schema import LoraConfig
from hfdl.errors import ConfigError, did_you_mean, import_extra
from hfdl.tuning.freeze import refuse_random_body
from hfdl.tuning.layers import body_names
from hfdl.weights.parameter_names import all_names

KEY = "tune.lora"


def add_adapters(model: nn.Module, config: LoraConfig, *, new: Collection[str] = ()) -> list[str]:
    """Give linear layers of the body adapters; only these and the head are trained from now on.

    What is frozen already gets none, and a head that is frozen stays so.

    Args:
        model: the model, in transformers' code or hfdl's.
        config: rank, weight, dropout, and which layers.
        new: parameters without pretrained weights, under transformers' names. They are trained
            whole.

    Returns:
        the names of the adapters' parameters.

    Raises:
        ConfigError: no linear layer is left to adapt, a target matches none, or the body's weights
            are random.
        MissingExtraError: peft is not installed.
    """
    peft = _peft()
    refuse_random_body(model, new, KEY)
    body = set(body_names(model, new))
    targets = _targets(model, body, config.targets)
    head = _head(model, body, new)
    settings = peft.LoraConfig(
        r=config.r, lora_alpha=config.alpha or 2 * config.r, lora_dropout=config.dropout,
        target_modules=targets,
        # GPT-2's Conv1D has its weight the other way round; PEFT sees to it, and would say so.
        fan_in_fan_out=_is_conv1d(model.get_submodule(targets[0])),
    )  # fmt: skip
    peft.inject_adapter_in_model(settings, model)
    for parameter in head:
        parameter.requires_grad_(True)
    return [name for name, _ in model.named_parameters() if ".lora_" in name]


def merge(model: nn.Module) -> int:
    """Fold adapters into the layers that they adapt, and put the plain layers back.

    Returns:
        how many layers were merged; 0 for a model without adapters.
    """
    if not hasattr(model, "peft_config"):
        return 0
    from peft.tuners.lora import LoraLayer

    adapted = [(path, m) for path, m in model.named_modules() if isinstance(m, LoraLayer)]
    for path, layer in adapted:
        layer.merge()
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, layer.get_base_layer())
    delattr(model, "peft_config")
    return len(adapted)


def _head(model: Any, body: set[str], new: Collection[str]) -> list[nn.Parameter]:
    """What is trained whole: new parameters, or the head that the model came with.

    A pretrained output projection is no such head: it is as large as the embeddings, often tied to
    them, and stays frozen as they do.
    """
    output = None if new else _output_projection(model)
    pretrained = set() if output is None else {id(p) for p in output.parameters()}
    return [
        parameter
        for name, parameter in model.named_parameters()
        if name not in body and parameter.requires_grad and id(parameter) not in pretrained
    ]


def _output_projection(model: Any) -> nn.Module | None:
    """The linear layer from hidden states to logits over the vocabulary, or None."""
    return model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None


def _peft() -> Any:
    return import_extra("peft", feature=KEY, extra="lora")


def _targets(model: nn.Module, body: set[str], asked: Sequence[str] | None) -> list[str]:
    """The paths of the linear layers that get an adapter.

    Raises:
        ConfigError: there is none.
    """
    output = _output_projection(model)  # if only a part of the head is new, it counts as body
    linear = [
        path for path, module in model.named_modules()
        if _is_linear(module) and f"{path}.weight" in body and module is not output
    ]  # fmt: skip
    open_ = [path for path in linear if model.get_parameter(f"{path}.weight").requires_grad]
    called = _all_paths(model)
    for end in asked or []:
        if not any(_ends_in(called[path], end) for path in linear):
            raise ConfigError(
                f"no linear layer of the body is called {end!r}",
                where=f"{KEY}.targets",
                remedy=did_you_mean(
                    end, sorted({called[path][0].rpartition(".")[2] for path in linear})
                ),
            )
    targets = [
        path for path in open_
        if asked is None or any(_ends_in(called[path], end) for end in asked)
    ]  # fmt: skip
    if not targets:
        raise ConfigError(
            "tune.freeze holds every layer that would get an adapter"
            if linear else "the model has no linear layer in its body",
            where=KEY,
            rule="adapters already leave the pretrained weights as they are",
            remedy="set tune.freeze=null" if linear else f"set {KEY}=null",
        )  # fmt: skip
    return targets


def _all_paths(model: nn.Module) -> dict[str, list[str]]:
    """Each layer's path, and all that one may call it: transformers' path first."""
    return {
        name.removesuffix(".weight"): [each.removesuffix(".weight") for each in names]
        for name, names in all_names(model).items()
    }


def _ends_in(paths: Sequence[str], end: str) -> bool:
    return any(path == end or path.endswith(f".{end}") for path in paths)


def _is_linear(module: nn.Module) -> bool:
    # torch's own attention reads the weight of its last layer and never calls it.
    called = isinstance(module, nn.Linear) and not isinstance(
        module, NonDynamicallyQuantizableLinear
    )
    return called or _is_conv1d(module)


def _is_conv1d(module: nn.Module) -> bool:
    """Whether it is GPT-2's linear layer, whose weight is (in, out)."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)
