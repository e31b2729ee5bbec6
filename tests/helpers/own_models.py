"""Model classes as users write them; the tests copy this file to where a user's would stand."""

from __future__ import annotations

import torch
from torch import nn
from transformers import (
    BartForConditionalGeneration,
    BertForMaskedLM,
    BertForTokenClassification,
    BertModel,
    BertPreTrainedModel,
    GPT2LMHeadModel,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput


class MeanBert(BertPreTrainedModel):
    """BERT whose texts are the mean of their tokens; its forward takes no token_type_ids."""

    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[..., None].to(states)
        return SequenceClassifierOutput(
            logits=self.classifier((states * mask).sum(1) / mask.sum(1))
        )


class Tagger(BertForTokenClassification):
    def forward(self, *args, **inputs):
        outputs = super().forward(*args, **inputs)
        outputs.logits = outputs.logits * 2
        return outputs


class Filler(BertForMaskedLM):
    pass


class Writer(GPT2LMHeadModel):
    def forward(self, *args, **inputs):
        outputs = super().forward(*args, **inputs)
        outputs.logits = outputs.logits * 2  # what the chunked loss must not miss
        return outputs


class Translator(BartForConditionalGeneration):
    pass


class Words(nn.Module):
    """A mean of embeddings; its width is a size of its own."""

    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, getattr(config, "my_width", 16))
        self.out = nn.Linear(self.embed.embedding_dim, config.num_labels)

    def forward(self, input_ids, attention_mask):
        states = self.embed(input_ids)
        mask = attention_mask[..., None].to(states)
        return self.out((states * mask).sum(1) / mask.sum(1))


class Recurrent(nn.Module):
    """A GRU with tied embeddings, from the left alone; it counts positions itself."""

    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, 16)
        self.places = nn.Parameter(torch.randn(512, 16) * 0.1)
        self.recur = nn.GRU(16, 16, batch_first=True)
        self.out = nn.Linear(16, config.vocab_size, bias=False)
        self.out.weight = self.embed.weight

    def states(self, input_ids):
        return self.recur(self.embed(input_ids) + self.places[: input_ids.shape[1]])[0]

    def forward(self, input_ids):
        return self.out(self.states(input_ids))


class WordTags(Recurrent):
    def __init__(self, config):
        super().__init__(config)
        self.out = nn.Linear(16, config.num_labels)

    def forward(self, input_ids, **others):
        return {"logits": super().forward(input_ids)}


class Gaps(Recurrent):
    def forward(self, input_ids):
        return (self.out(self.states(input_ids)),)


class Ours(PreTrainedConfig):
    model_type = "of-our-own"

    def __init__(self, vocab_size=10, width=8, **others):
        self.vocab_size, self.width = vocab_size, width
        super().__init__(**others)


class OurModel(PreTrainedModel):
    config_class = Ours

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.width)
        self.out = nn.Linear(config.width, config.num_labels)
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.3)

    def forward(self, input_ids, attention_mask=None, **others):
        mask = attention_mask[..., None].to(self.embed.weight)
        mean = (self.embed(input_ids) * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=self.out(mean))


class FromFolder(nn.Module):
    """A plain module around a pretrained body."""

    def __init__(self, config):
        super().__init__()
        self.body = BertModel(config, add_pooling_layer=False)
        self.out = nn.Linear(config.hidden_size, config.num_labels)

    @classmethod
    def from_pretrained(cls, folder, config):
        model = cls(config)
        model.body = BertModel.from_pretrained(folder, add_pooling_layer=False)
        return model

    def forward(self, input_ids, attention_mask):
        return self.out(self.body(input_ids, attention_mask).last_hidden_state[:, 0])


# ---- With a fault each ---------------------------------------------------------------------------


class OneScore(Words):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask)[:, :1]


class NotANumber(Words):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask) / 0


class Detached(Words):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask).detach()


class Nothing(Words):
    def forward(self, input_ids, attention_mask):
        return None


class Few(Words):
    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(5, 16)


class NoConfig(Words):
    def __init__(self):
        pass


class AsksForMore(Words):
    def forward(self, input_ids, attention_mask, extra):
        return super().forward(input_ids, attention_mask)


class OtherNames(Words):
    def forward(self, ids, mask):
        return super().forward(ids, mask)


class ByPosition(Words):
    def forward(self, input_ids, attention_mask, /):
        return super().forward(input_ids, attention_mask)


class AlwaysDropping(Words):
    def forward(self, input_ids, attention_mask):
        return nn.functional.dropout(super().forward(input_ids, attention_mask), 0.5)


class Counting(Words):
    """What training changes is no part of the state dict."""

    calls = 0

    def forward(self, input_ids, attention_mask):
        self.calls += self.training
        return super().forward(input_ids, attention_mask) * (1 + self.calls)


class UnsavedBuffer(Words):
    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("seen", torch.ones(()), persistent=False)

    def forward(self, input_ids, attention_mask):
        if self.training:
            self.seen += 1
        return super().forward(input_ids, attention_mask) * self.seen


class DictOfState(Words):
    def get_extra_state(self):
        return {"calls": 1}

    def set_extra_state(self, state):
        pass


class InPlace(Words):
    def forward(self, input_ids, attention_mask):
        states = self.embed(input_ids).mean(1).exp()
        scores = self.out(states)
        states += 1
        return scores


class Overlapping(Words):
    def __init__(self, config):
        super().__init__(config)
        self.part = nn.Parameter(self.out.weight.data[0])


class AllFrozen(Words):
    def __init__(self, config):
        super().__init__(config)
        self.requires_grad_(False)


# ---- Legal, and not the usual --------------------------------------------------------------------


class Views(Words):
    """Two parameters are parts of one tensor."""

    def __init__(self, config):
        super().__init__(config)
        both = torch.randn(2, 16)
        self.first, self.second = nn.Parameter(both[0]), nn.Parameter(both[1])

    def forward(self, input_ids, attention_mask):
        states = self.embed(input_ids) + self.first * self.second
        mask = attention_mask[..., None].to(states)
        return self.out((states * mask).sum(1) / mask.sum(1))


class Lazy(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, 16)
        self.out = nn.LazyLinear(config.num_labels)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None].to(self.embed.weight)
        return self.out((self.embed(input_ids) * mask).sum(1) / mask.sum(1))


class Normed(Words):
    """Running statistics, and a weight in two parts."""

    def __init__(self, config):
        super().__init__(config)
        self.norm = nn.BatchNorm1d(16)
        self.out = nn.utils.parametrizations.weight_norm(nn.Linear(16, config.num_labels))

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None].to(self.embed.weight)
        mean = (self.embed(input_ids) * mask).sum(1) / mask.sum(1)
        return self.out(self.norm(mean))


class MixesTexts(Words):
    def forward(self, input_ids, attention_mask):
        scores = super().forward(input_ids, attention_mask)
        return scores + scores.mean(0, keepdim=True)


class ReadsPadding(Words):
    def forward(self, input_ids, attention_mask):
        return self.out(self.embed(input_ids).mean(1))


class Ahead(Recurrent):
    def forward(self, input_ids):
        states = self.states(input_ids)
        return self.out(states + states.mean(1, keepdim=True))


class Raises(Words):
    def forward(self, input_ids, attention_mask):
        raise KeyError("of my own")


def function(config):
    return Words(config)
