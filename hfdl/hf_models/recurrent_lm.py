"""The recurrent language model as a PreTrainedModel.

``hfdl.generation`` continues texts with it, a word a call: what it has read stands in a state of
one size, whatever the text's length. It has no ``generate`` of transformers', whose caches hold
keys and values.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from hfdl.hf_models.backbone_io import check_one_input
from hfdl.hf_models.base import TIED_WORDS
from hfdl.hf_models.word_base import ScratchRecurrentConfig, SmallModel
from hfdl.models.recurrent import RecurrentForCausalLM
from hfdl.nn.recurrence import State


class ReadingState:
    """What a recurrent model has left of the words so far; in the place of a cache.

    Args:
        state: (h,) or of an LSTM (h, c), each (L, B, H).
        length: how many positions were read, padding included.
    """

    def __init__(self, state: State, length: int) -> None:
        self.state, self.length = state, length

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Give row i the past of row ``beam_idx[i]``."""
        self.state = tuple(part.index_select(1, beam_idx) for part in self.state)  # (L, B', H)

    def get_seq_length(self) -> int:
        """Positions so far."""
        return self.length


class ScratchRecurrentForCausalLM(SmallModel):
    """An RNN, LSTM or GRU that predicts the next word."""

    config_class = ScratchRecurrentConfig
    core_class = RecurrentForCausalLM
    head = "causal_lm"
    output_class = CausalLMOutputWithPast
    _tied_weights_keys = TIED_WORDS

    @can_return_tuple
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: ReadingState | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: Tensor | int | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> CausalLMOutputWithPast:
        """Logits (B, T, V), as transformers' language models give them.

        Args:
            input_ids: (B, T); or ``inputs_embeds`` (B, T, E).
            attention_mask: (B, past + T), 1 at real words; None where all are.
            position_ids: passed over: a reader knows no places.
            past_key_values: what reading has left so far, from an earlier answer.
            inputs_embeds: see ``input_ids``.
            labels: (B, T), shifted here; -100 where no word is asked for.
            use_cache: give what reading leaves; by default not.
            logits_to_keep: how many of the last positions say a word; 0: all.
            num_items_in_batch: what the summed loss is divided by; None: the labels.
            output_attentions, output_hidden_states: refused where True.

        Raises:
            ModelError: neither ids nor embeddings, both of them, or an output that there is not.
        """
        self.refuse_outputs(output_attentions, output_hidden_states)
        states, left = self._read(input_ids, attention_mask, inputs_embeds, past_key_values)
        logits = self.core.head(self.core.dropout(states[:, -logits_to_keep:]))  # (B, T, V)
        return self.with_loss(
            logits, labels, num_items_in_batch, past_key_values=left if use_cache else None
        )

    def last_states(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
    ) -> Tensor:
        """What the head is given, (B, T, H); for ``hfdl.weights.chunked_lm_loss``."""
        states, _ = self._read(input_ids, attention_mask, inputs_embeds, None)
        return self.core.dropout(states)

    def _read(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        inputs_embeds: Tensor | None,
        past: ReadingState | None,
    ) -> tuple[Tensor, ReadingState]:
        check_one_input(input_ids, inputs_embeds)
        inputs: Any = inputs_embeds if input_ids is None else input_ids
        width = inputs.shape[1]
        if attention_mask is not None:
            attention_mask = attention_mask[:, attention_mask.shape[1] - width :]  # what is new
        states, state = self.core.backbone.read(
            input_ids, attention_mask, inputs_embeds=inputs_embeds,
            state=None if past is None else past.state,
        )  # fmt: skip
        return states, ReadingState(state, width + (0 if past is None else past.length))
