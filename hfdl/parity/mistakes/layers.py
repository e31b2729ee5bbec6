"""Known mistakes in norms, activations and the order of a block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hfdl.nn.activations import Activation, gelu, gelu_tanh, relu, silu
from hfdl.nn.blocks import PostNormBlock, PreNormBlock
from hfdl.nn.dropout import Dropout
from hfdl.nn.feed_forward import FeedForward, GatedFeedForward
from hfdl.nn.heads import MaskedLMHead
from hfdl.nn.norms import LayerNorm, RMSNorm
from hfdl.parity.layouts import backbone
from hfdl.parity.mistakes.mistake import Change, Mistake, becoming, modules, setting, swapped

_NORMS = "hfdl/nn/norms.py"
_EPS = "layer_norm_eps or rms_norm_eps of the config: 1e-12 in BERT, 1e-5 in GPT-2, 1e-6 in Llama"
_ACTIVATION = "hfdl/nn/activations.py; hidden_act of the config"


def _affine(norm: LayerNorm, normalised: Tensor) -> Tensor:
    out = norm.weight * normalised
    return out if norm.bias is None else out + norm.bias


class _NotCentred(LayerNorm):
    """RMSNorm in LayerNorm's place."""

    def forward(self, x: Tensor) -> Tensor:
        return _affine(self, x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


class _BySampleVariance(LayerNorm):
    """Divides the squares by D - 1, as ``Tensor.var`` does unless told otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return _affine(self, centred * torch.rsqrt(x.var(-1, keepdim=True) + self.eps))


class _EpsOutside(LayerNorm):
    """Adds eps to the root and not under it."""

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        root = centred.square().mean(-1, keepdim=True).sqrt()
        return _affine(self, centred / (root + self.eps))


class _Centred(RMSNorm):
    """LayerNorm in RMSNorm's place."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(-1, keepdim=True))


class _OnePlusWeight(RMSNorm):
    """Multiplies by 1 + weight, as Gemma's does."""

    def forward(self, x: Tensor) -> Tensor:
        unweighted = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return (1 + self.weight) * unweighted


def _eps_outside(model: nn.Module) -> bool:
    if all(norm.eps < 1e-9 for norm in modules(model, LayerNorm)):
        return False  # too small to matter anywhere
    return becoming(LayerNorm, _EpsOutside)(model)


def _activation(of: tuple[Activation, ...], other: Activation) -> Change:
    def change(model: nn.Module) -> bool:
        holders: list[Any] = modules(model, (FeedForward, GatedFeedForward, MaskedLMHead))
        changed = [module for module in holders if module.activation in of]
        for module in changed:
            module.activation = other
        return bool(changed)

    return change


def _no_final_norm(model: nn.Module) -> bool:
    body = backbone(model)
    if not isinstance(getattr(body, "norm", None), nn.Module):
        return False
    body.norm = nn.Identity()
    return True


def _no_embedding_norm(model: nn.Module) -> bool:
    embeddings = backbone(model).embeddings
    if embeddings.norm is None:
        return False
    embeddings.norm = None
    return True


def _in_training(model: nn.Module) -> bool:
    drops = any(module.p > 0 for module in modules(model, Dropout))
    model.train()
    return drops


MISTAKES = (
    *(
        Mistake(f"norm_eps_{name}", f"the norms add {name} to the variance", _EPS,
                setting((LayerNorm, RMSNorm), "eps", value))
        for name, value in {"1e-12": 1e-12, "1e-8": 1e-8, "1e-6": 1e-6, "1e-5": 1e-5}.items()
    ),
    Mistake("norm_eps_outside_the_root", "eps is added to the standard deviation, not under the "
            "root", _NORMS, _eps_outside),
    Mistake("norm_by_sample_variance", "the norm's variance is divided by D - 1 and not by D",
            _NORMS, becoming(LayerNorm, _BySampleVariance)),
    Mistake("rms_norm_for_layer_norm", "the norms do not subtract the mean", _NORMS,
            becoming(LayerNorm, _NotCentred)),
    Mistake("layer_norm_for_rms_norm", "the norms subtract the mean, and RMSNorm does not", _NORMS,
            becoming(RMSNorm, _Centred)),
    Mistake("norm_weight_plus_one", "the norms multiply by 1 + weight, which is Gemma's way",
            _NORMS, becoming(RMSNorm, _OnePlusWeight)),
    Mistake("gelu_by_tanh", "GELU is approximated by tanh, and this model's is exact", _ACTIVATION,
            _activation((gelu,), gelu_tanh)),
    Mistake("gelu_by_erf", "GELU is exact, and this model was trained with tanh's approximation",
            _ACTIVATION, _activation((gelu_tanh,), gelu)),
    Mistake("relu_for_gelu", "the activation is ReLU", _ACTIVATION,
            _activation((gelu, gelu_tanh), relu)),
    Mistake("gelu_for_silu", "the gate opens by GELU, and this model's by SiLU", _ACTIVATION,
            _activation((silu,), gelu)),
    Mistake("gate_and_up_swapped", "the gate's weights and those beside it are exchanged",
            "the gate_proj and up_proj lines of hfdl/weights/families",
            swapped(GatedFeedForward, "gate_proj", "up_proj")),
    Mistake("pre_norm", "blocks normalise before attention and feed-forward, x + f(norm(x)), and "
            "this model's behind, norm(x + f(x))", "hfdl/nn/blocks.py",
            becoming(PostNormBlock, PreNormBlock)),
    Mistake("post_norm", "blocks normalise behind the residual, norm(x + f(x)), and this model's "
            "before, x + f(norm(x))", "hfdl/nn/blocks.py", becoming(PreNormBlock, PostNormBlock)),
    Mistake("final_norm_missing", "nothing is normalised behind the last block",
            "the norm of hfdl/models/gpt2.py, llama.py and modernbert.py", _no_final_norm),
    Mistake("embedding_norm_missing", "the sum of the embeddings is not normalised",
            "hfdl/nn/embeddings.py", _no_embedding_norm),
    Mistake("dropout_left_on", "the model is in training mode, so it drops numbers at random",
            "model.eval()", _in_training),
)  # fmt: skip
