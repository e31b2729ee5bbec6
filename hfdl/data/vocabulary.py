"""A vocabulary learned from the training texts, for models that have none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PAD, START, END = "<pad>", "<s>", "</s>"
_SPECIAL = [PAD, START, END]


def learn_bpe(texts: Iterable[str], size: int) -> Any:
    """A byte-level BPE tokenizer (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909).

    The pieces are merged from bytes (Radford et al. 2019, section 2.2), so that no character is
    unknown. Texts end with ``</s>``; targets are begun with ``<s>``. The same texts give the same
    tokenizer, in whatever process.

    Args:
        texts: the training texts; of source and target together, their vocabulary is shared.
        size: the most pieces, special tokens and the 256 bytes included. Few texts give fewer.

    Returns:
        a fast tokenizer of transformers; ``<pad>`` has the id 0.
    """
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(BPE())
    # A word is the same piece at the start of a text as behind a space.
    backend.pre_tokenizer = ByteLevel(add_prefix_space=True)
    backend.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=size, special_tokens=_SPECIAL, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    backend.train_from_iterator(texts, trainer)
    end = (END, backend.token_to_id(END))
    backend.post_processor = TemplateProcessing(single=f"$A {END}", special_tokens=[end])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, bos_token=START, eos_token=END,
        model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False,
    )  # fmt: skip
