"""Tokenizers that have more tokens than a model has embeddings: made to fit, or refused.

The other way round is usual: many models round the number of their embeddings up.
"""

from __future__ import annotations

from typing import Any

import torch

from hfdl.errors import ModelError
from hfdl.weights.conversions import python_command


def tokenizer_size(tokenizer: Any) -> int:
    """One more than the largest id that a tokenizer gives, added tokens included."""
    vocabulary = tokenizer.get_vocab()
    return max(len(tokenizer), 1 + max(vocabulary.values(), default=-1))


def embedding_count(model: Any) -> int | None:
    """The tokens that a model has embeddings of; None where it has no table of them."""
    try:
        weight = model.get_input_embeddings().weight
    except (AttributeError, NotImplementedError):
        return None
    return int(weight.shape[0])


def resize_to_tokenizer(model: Any, tokenizer: Any) -> str | None:
    """Give a model embeddings for all tokens, as transformers' ``resize_token_embeddings`` does.

    New rows are drawn close to the mean of the others, and so is what an untied output projection
    needs; a bias of words grows too.

    Args:
        model: a transformers model, changed in place. Its config's ``vocab_size`` is set.
        tokenizer: its tokenizer.

    Returns:
        what was done, as a line for a person; None where nothing was.
    """
    has, needs = embedding_count(model), tokenizer_size(tokenizer)
    if has is None or has >= needs:
        return None
    from hfdl.weights.pretrained import quiet_transformers

    with quiet_transformers(), torch.no_grad():
        model.resize_token_embeddings(needs)
        _untie_bias(model)
    return (
        f"embeddings resized from {has:,} to {needs:,}: the tokenizer has {needs - has:,} tokens "
        f"more than the model ({_examples(tokenizer, has)}); they begin at the mean of the others"
    )


def _untie_bias(model: Any) -> None:
    """Give an untied output projection a bias of its own again.

    transformers 5.23 makes it the head's, and then saves one of the two that it asks for.
    """
    output = model.get_output_embeddings()
    bias = getattr(output, "bias", None)
    if bias is None or model.config.tie_word_embeddings:
        return
    named = [name for name, p in model.named_parameters(remove_duplicate=False) if p is bias]
    if len(named) > 1:
        output.bias = torch.nn.Parameter(bias.detach().clone())


def untrained_tokens_note(model: Any, before: int, key: str) -> str | None:
    """A line for a person where tokens are new and their embeddings are not trained; else None.

    Args:
        model: once it is settled what of it is trained.
        before: how many tokens had embeddings when the model was saved.
        key: the recipe's key that settled it.
    """
    count = embedding_count(model)
    if count is None or count <= before:
        return None
    if any(p.requires_grad for p in model.get_input_embeddings().parameters()):
        return None
    return (
        f"the embeddings of the {count - before:,} new tokens are not trained and stay at the mean "
        f"of the others; {key}=null trains them with all weights, and a second run with {key} "
        "can go on from there"
    )


def refuse_larger_tokenizer(model: Any, tokenizer: Any, where: str | None) -> None:
    """Refuse a model that has no embeddings for some tokens of its tokenizer.

    Args:
        model: an open transformers model, or hfdl's.
        tokenizer: its tokenizer; None: there is nothing to compare.
        where: the model's folder, for the message; None for an open model.

    Raises:
        ModelError: the tokenizer has more tokens than the model.
    """
    if tokenizer is None:
        return
    has, needs = embedding_count(model), tokenizer_size(tokenizer)
    if has is None or has >= needs:
        return
    raise ModelError(
        f"the tokenizer has {needs:,} tokens, and the model embeddings of {has:,}",
        where=where or "tokenizer",
        rule=f"every token needs one; there is none of {_examples(tokenizer, has)}",
        remedy=_remedy(model, where, needs),
    )


def _remedy(model: Any, where: str | None, needs: int) -> str:
    if where is None:
        return f"call model.resize_token_embeddings({needs}), and train the model with them"
    names = getattr(model.config, "architectures", None) or [type(model).__name__]
    call = f"transformers.{names[0]}.from_pretrained({where!r})"
    code = (
        f"import hfdl, transformers; m = {call}; "
        f"m.resize_token_embeddings({needs}); m.save_pretrained({where!r})"
    )
    return "train it on, which gives it embeddings of all, or resize it once: " + python_command(
        code
    )


def _examples(tokenizer: Any, has: int, most: int = 3) -> str:
    """The first tokens without an embedding."""
    absent = sorted((i, token) for token, i in tokenizer.get_vocab().items() if i >= has)
    more = ", ..." if len(absent) > most else ""
    return ", ".join(repr(token) for _, token in absent[:most]) + more
