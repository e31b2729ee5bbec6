"""A model run on a few ids with the attention of a recipe, to find that attention's faults."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from hfdl.custom_attention import register
from hfdl.custom_attention.calls import count_attention_calls
from hfdl.custom_attention.dependence import Dependence
from hfdl.custom_attention.modules import base_model
from hfdl.errors import ConfigError, ModelError

KEY = "model.attention"
_SEEN = 2
"""Tokens of the second row that are no padding."""
_TIMES = 3
"""How often the same is asked again."""


def try_attention(model: nn.Module, name: str, path: str, *, trains: bool) -> list[str]:
    """Run a model on a few ids, before anything is written, to find faults of its attention.

    Every attention module must call it, what it returns must have the right shape and be finite,
    the same each time and for a text alone, it must keep to its mask and mix what stands at
    different places, and gradients must pass through it where the model is trained.

    Args:
        model: switched to it already.
        name: what it is registered as.
        path: as the recipe has it, for messages.
        trains: whether the model is trained.

    Returns:
        lines for a person where its output does not depend on the queries or the keys, or they
        learn nothing.

    Raises:
        ConfigError, ModelError, ShapeError: naming what is wrong. What the user's function raises
            goes through.
    """
    inner: Any = base_model(model)
    if name not in register.registered_attentions():
        return []  # one of transformers' own
    if trains and name == "hfdl_numpy":
        raise ConfigError(
            "an attention in NumPy has no gradients",
            where=KEY,
            rule="it can be evaluated with, not trained",
            remedy=f"train with {KEY}=hfdl, the same formula in torch",
        )
    was_training, inputs = inner.training, _few_ids(inner)
    watched = _Watched(name)
    try:
        with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(trains):
            inner.train(trains)
            with count_attention_calls(inner, name) as calls, watched:
                output = inner(**inputs)[0]
            _refuse(calls, watched.problem, path)
            if trains:
                _check_gradient(inner, output, path)
        with torch.random.fork_rng(devices=[]), Dependence(name, trains) as depends:
            _compare_calls(inner.eval(), name, inputs, path, trains=trains)
        _refuse_unmixed(depends, path)
    finally:
        inner.train(was_training)
    return depends.facts


def _refuse(calls: Any, problem: str, path: str) -> None:
    """Refuse an attention that did not run everywhere, or whose output is none."""
    if calls.missing:
        raise ModelError(
            f"{path} did not run in {len(calls.missing)} of {len(calls.counts)} attention modules, "
            f"the first of them {calls.missing[0]}",
            where=KEY,
            rule="every attention module of the model must call it",
            remedy=f"set {KEY}=null, or name another model: model.name=NAME",
        )
    if problem:
        raise ConfigError(
            f"{path} {problem}",
            where=KEY,
            rule="each query gets a finite mean of values, and training needs its gradient; a "
            "query that may attend to nothing must not give NaN",
            remedy="compute in torch, without detach or NumPy, on tensors of its own (q = q * s), "
            "and mask with torch.where or masked_fill",
        )


def _refuse_unmixed(depends: Dependence, path: str) -> None:
    """Refuse a function that gives every token what it has already."""
    if not depends.mixes:
        raise ConfigError(
            f"{path} attends to nothing: no token's output depends on another token's value",
            where=KEY,
            rule="attention is a mean of the values of several tokens; by weights that do not "
            "depend on queries or keys if you like",
            remedy="return weights @ v, with weights of shape (B, H, T, S), and not v alone",
        )


def _check_gradient(model: Any, output: Tensor, path: str) -> None:
    """Refuse a function whose gradient cannot be computed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not (trained and output.requires_grad):
        return
    try:
        torch.autograd.grad(output.float().square().sum(), trained, allow_unused=True)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0].partition(": [")[0]
        raise ConfigError(
            f"{path} has no gradient: {reason}",
            where=KEY,
            rule="training needs its gradient",
            remedy="change no tensor in place that the gradient needs: x = x + y for x += y",
        ) from error


def _compare_calls(
    model: Any, name: str, inputs: dict[str, Tensor], path: str, *, trains: bool
) -> None:
    """Refuse an attention whose answer for a text depends on more than the text."""
    padding = {key: ids.clone() for key, ids in inputs.items()}
    size = _vocabulary(model)
    for key, ids in padding.items():
        if key != "attention_mask":
            ids[1, _SEEN:] = (ids[1, _SEEN:] + size // 2) % size
    last = {key: ids[1:] for key, ids in inputs.items()}
    short = {key: ids[:, :_SEEN] for key, ids in last.items()}
    with torch.no_grad():
        answer = _outputs(model, name, inputs)
    with torch.set_grad_enabled(trains):
        again = [_outputs(model, name, inputs) for _ in range(_TIMES)]
    with torch.no_grad():
        others = [_outputs(model, name, given) for given in (last, padding, short)]
    what = "padding" if model.config.is_encoder_decoder else "padding, or the tokens behind it,"
    faults = (
        *_TIMES * [("gives another output when it is called again with the same", _OF_THE_CALL)],
        ("mixes the texts of a batch: its output for one changes with the others", _OF_ITS_TEXT),
        (f"does not keep to its mask: {what} changes what a token becomes", _BY_MASK),
        ("counts padding: its output changes with how far a text is padded", _OF_ITS_TEXT),
    )
    for outputs, (problem, (rule, remedy)) in zip([*again, *others], faults, strict=True):
        pairs = zip(answer, outputs, strict=True)
        if not all(torch.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in pairs):
            raise ConfigError(f"{path} {problem}", where=KEY, rule=rule, remedy=remedy)


_OF_THE_CALL = (
    "in eval mode the output is a function of q, k, v and the mask, and of nothing else",
    "draw random numbers by its keyword dropout alone, and keep nothing from call to call",
)
_OF_ITS_TEXT = (
    "an answer must not depend on what a text is batched with or padded to",
    "compute each row of the batch by itself, and count keys by the mask: mask.sum(-1)",
)
_BY_MASK = (
    "mask is True where a query may attend, (B, 1 or H, T, S), or None; an answer must "
    "not depend on what a text is padded with",
    "before the softmax: if mask is not None: scores = scores.masked_fill(~mask, "
    "torch.finfo(scores.dtype).min)",
)


def _outputs(model: Any, name: str, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Of each call of the attention: the output for the last row's real tokens."""
    with _Watched(name) as watched:
        model(**inputs)
    return watched.outputs


class _Watched:
    """While active, the registered adapter's outputs are looked at."""

    def __init__(self, name: str) -> None:
        self.name, self.problem = name, ""
        self.outputs: list[Tensor] = []
        """Of each call, those of the last row's tokens that are no padding: (2, H, K)."""

    def __enter__(self) -> _Watched:
        self._adapter: Any = AttentionInterface()[self.name]
        AttentionInterface.register(self.name, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        AttentionInterface.register(self.name, self._adapter)

    def _look(self, module: Any, query: Tensor, key: Any, value: Any, *rest: Any, **kw: Any) -> Any:
        # Clones: torch itself refuses to change some views in place, in words of its own.
        query, key, value = query.clone(), key.clone(), value.clone()
        before = [x._version for x in (query, key, value)]
        out, weights = self._adapter(module, query, key, value, *rest, **kw)
        given = any(x.requires_grad for x in (query, key, value))
        if before != [x._version for x in (query, key, value)]:
            self.problem = "changes q, k or v in place"
        elif torch.is_grad_enabled() and given and not out.requires_grad:
            self.problem = "gives an output without a gradient"
        elif not torch.isfinite(out[:, :_SEEN]).all():  # the first tokens are no padding
            self.problem = "gives NaN or infinity"
        self.outputs.append(out[-1, :_SEEN].detach().float())
        return out, weights


def _few_ids(model: Any) -> dict[str, Tensor]:
    """Two rows of tokens, the second with padding.

    There are as many as the model has no heads, so that swapped axes do not go unnoticed.
    """
    config = model.config.get_text_config()
    heads = {v for k, v in config.to_dict().items() if "head" in k and isinstance(v, int)}
    length = next(n for n in range(4, 100) if n not in heads)
    ids = (torch.arange(2 * length, device=model.device).view(2, length) + 1) % _vocabulary(model)
    mask = torch.ones_like(ids)
    mask[1, _SEEN:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids
    return inputs


def _vocabulary(model: Any) -> int:
    return getattr(model.config.get_text_config(), "vocab_size", 8)
