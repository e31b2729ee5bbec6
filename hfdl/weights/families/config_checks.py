"""From a transformers config to ours. What ours does not have is refused, not passed over."""

from __future__ import annotations

from typing import Any, NoReturn

from hfdl.errors import ModelError
from hfdl.models.bert import BertConfig
from hfdl.models.gpt2 import Gpt2Config
from hfdl.models.llama import LlamaConfig
from hfdl.nn.activations import ACTIVATIONS
from hfdl.nn.positions import LinearScaling, Llama3Scaling
from hfdl.weights.names import OWN_TYPES

HF_REMEDY = "run transformers' own code: model.implementation=hf"


def bert_config(config: Any) -> BertConfig:
    """Of ``transformers.BertConfig``.

    Raises:
        ModelError: it asks for what hfdl's model has not; so do all functions here.
    """
    return BertConfig(
        **_encoder(config),
        type_vocab_size=config.type_vocab_size,
        sequence_out_dropout=_classifier_dropout(config, config.hidden_dropout_prob),
        token_dropout=_classifier_dropout(config, config.hidden_dropout_prob),
    )


def roberta_config(config: Any) -> BertConfig:
    """Of ``transformers.RobertaConfig`` or ``XLMRobertaConfig``."""
    if config.pad_token_id is None:
        _refuse(config, "pad_token_id", "positions are counted from it")
    dropout = _classifier_dropout(config, config.hidden_dropout_prob)
    return BertConfig(
        **_encoder(config),
        type_vocab_size=config.type_vocab_size,
        padding_positions=True,
        masked_lm_activation="gelu",  # whatever hidden_act is
        sequence_in_dropout=dropout,
        sequence_out_dropout=dropout,
        token_dropout=dropout,
    )


def electra_config(config: Any) -> BertConfig:
    """Of ``transformers.ElectraConfig``."""
    dropout = _classifier_dropout(config, config.hidden_dropout_prob)
    return BertConfig(
        **_encoder(config),
        type_vocab_size=config.type_vocab_size,
        embedding_size=config.embedding_size,
        pooler=False,
        masked_lm_activation="gelu",  # whatever hidden_act is
        sequence_activation="gelu",
        sequence_in_dropout=dropout,
        sequence_out_dropout=dropout,
        token_dropout=dropout,
    )


def distilbert_config(config: Any) -> BertConfig:
    """Of ``transformers.DistilBertConfig``."""
    if config.sinusoidal_pos_embds:
        _refuse(config, "sinusoidal_pos_embds", "positions are learned")
    return BertConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.dim,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=config.hidden_dim,
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=0,
        pad_token_id=config.pad_token_id,
        hidden_act=_activation(config, "activation"),
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.attention_dropout,
        attention_output_dropout=0.0,
        initializer_range=config.initializer_range,
        pooler=False,
        tie_word_embeddings=config.tie_word_embeddings,
        num_labels=config.num_labels,
        sequence_activation="relu",
        sequence_out_dropout=config.seq_classif_dropout,
        token_dropout=config.dropout,
    )


def gpt2_config(config: Any) -> Gpt2Config:
    """Of ``transformers.GPT2Config``.

    ``reorder_and_upcast_attn`` is passed over: it changes the rounding of half types alone.
    """
    _refuse_set(config, "add_cross_attention", "it is a decoder without an encoder")
    _refuse_per_layer(config)
    return Gpt2Config(
        vocab_size=config.vocab_size,
        hidden_size=config.n_embd,
        num_hidden_layers=config.n_layer,
        num_attention_heads=config.n_head,
        intermediate_size=config.n_inner,
        max_position_embeddings=config.n_positions,
        hidden_act=_activation(config, "activation_function"),
        layer_norm_eps=config.layer_norm_epsilon,
        embedding_dropout=config.embd_pdrop,
        hidden_dropout=config.resid_pdrop,
        attention_dropout=config.attn_pdrop,
        initializer_range=config.initializer_range,
        scale_scores=config.scale_attn_weights,
        scale_by_layer=config.scale_attn_by_inverse_layer_idx,
        tie_word_embeddings=config.tie_word_embeddings,
        num_labels=config.num_labels,
        token_dropout=_token_dropout(config),
    )


def llama_config(config: Any) -> LlamaConfig:
    """Of ``transformers.LlamaConfig``."""
    bias = config.attention_bias
    return LlamaConfig(
        **_decoder(config), qkv_bias=bias, out_bias=bias, mlp_bias=config.mlp_bias,
        head_dim=config.head_dim,
    )  # fmt: skip


def mistral_config(config: Any) -> LlamaConfig:
    """Of ``transformers.MistralConfig``."""
    windows = (config.sliding_window,) * config.num_hidden_layers
    return LlamaConfig(**_decoder(config), windows=windows, head_dim=config.head_dim)


def qwen2_config(config: Any) -> LlamaConfig:
    """Of ``transformers.Qwen2Config``."""
    head_dim = getattr(config, "head_dim", None)
    return LlamaConfig(
        **_decoder(config), qkv_bias=True, windows=_windows(config), head_dim=head_dim
    )


def qwen3_config(config: Any) -> LlamaConfig:
    """Of ``transformers.Qwen3Config``."""
    bias = config.attention_bias
    return LlamaConfig(
        **_decoder(config), qkv_bias=bias, out_bias=bias, qk_norm=True, windows=_windows(config),
        head_dim=config.head_dim,
    )  # fmt: skip


def _encoder(config: Any) -> dict[str, Any]:
    """What BERT, RoBERTa and ELECTRA call alike."""
    _refuse_set(config, "is_decoder", "it is an encoder")
    _refuse_set(config, "add_cross_attention", "it is an encoder")
    _refuse_per_layer(config)
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        _refuse(config, "position_embedding_type", "its positions are absolute")
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "pad_token_id": config.pad_token_id,
        "hidden_act": _activation(config, "hidden_act"),
        "layer_norm_eps": config.layer_norm_eps,
        "hidden_dropout_prob": config.hidden_dropout_prob,
        "attention_probs_dropout_prob": config.attention_probs_dropout_prob,
        "initializer_range": config.initializer_range,
        "tie_word_embeddings": config.tie_word_embeddings,
        "num_labels": config.num_labels,
    }


def _decoder(config: Any) -> dict[str, Any]:
    """What Llama, Mistral, Qwen2 and Qwen3 call alike."""
    _refuse_per_layer(config)
    if not getattr(config, "token_classification_bias", True):
        _refuse(config, "token_classification_bias", "its head for tokens has a bias")
    rope = config.rope_parameters
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "pad_token_id": config.pad_token_id,
        "hidden_act": _activation(config, "hidden_act"),
        "rms_norm_eps": config.rms_norm_eps,
        "rope_scaling": _scaling(config, rope),
        "rope_theta": float(rope["rope_theta"]),
        "attention_dropout": config.attention_dropout or 0.0,
        "initializer_range": config.initializer_range,
        "tie_word_embeddings": config.tie_word_embeddings,
        "num_labels": config.num_labels,
        "token_dropout": _token_dropout(config),
    }


def _scaling(config: Any, rope: dict[str, Any]) -> LinearScaling | Llama3Scaling | None:
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        _refuse(config, "rope_parameters", "it rotates whole heads")
    kind = rope.get("rope_type", "default")
    if kind == "default" and "rope_theta" in rope:
        return None
    if kind == "linear":
        return LinearScaling(float(rope["factor"]))
    if kind == "llama3":
        return Llama3Scaling(
            factor=float(rope["factor"]),
            low_freq_factor=float(rope["low_freq_factor"]),
            high_freq_factor=float(rope["high_freq_factor"]),
            original_max_position_embeddings=int(rope["original_max_position_embeddings"]),
        )
    _refuse(config, "rope_parameters", "its rotary positions are default, linear or llama3")


def _windows(config: Any) -> tuple[int | None, ...]:
    """Of the kind of each layer."""
    sizes = {"full_attention": None, "sliding_attention": config.sliding_window}
    if not set(config.layer_types) <= sizes.keys():
        _refuse(config, "layer_types", "its layers are full_attention or sliding_attention")
    return tuple(sizes[kind] for kind in config.layer_types)


def _activation(config: Any, key: str) -> str:
    if getattr(config, key) not in ACTIVATIONS:
        _refuse(config, key, f"it has {', '.join(ACTIVATIONS)}")
    return getattr(config, key)


def _classifier_dropout(config: Any, otherwise: float) -> float:
    own = getattr(config, "classifier_dropout", None)
    return otherwise if own is None else own


def _token_dropout(config: Any) -> float:
    """Of the token heads of decoders, whose configs may have neither key."""
    hidden = getattr(config, "hidden_dropout", None)
    return _classifier_dropout(config, 0.1 if hidden is None else hidden)


def _refuse_set(config: Any, key: str, reason: str) -> None:
    if getattr(config, key, False):
        _refuse(config, key, reason)


def _refuse_per_layer(config: Any) -> None:
    if getattr(config, "is_heterogeneous", False):
        _refuse(config, "per_layer_config", "its layers are alike")


def _refuse(config: Any, key: str, reason: str) -> NoReturn:
    raise ModelError(
        f"hfdl's own {config.model_type.removeprefix(OWN_TYPES)} cannot do {key} = "
        f"{getattr(config, key)!r}",
        where=f"config.json: {key}",
        rule=reason,
        remedy=HF_REMEDY,
    )
