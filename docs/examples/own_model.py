"""A model of one's own: BERT whose text is the mean of its tokens, not the state of the first."""

from torch import nn
from transformers import BertModel, BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class MeanBert(BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        width = getattr(config, "head_width", config.hidden_size)  # a size of its own
        self.hidden = nn.Linear(config.hidden_size, width)
        self.classifier = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state  # (B, T, D)
        mask = attention_mask[..., None].to(states)
        mean = (states * mask).sum(1) / mask.sum(1)  # (B, D)
        return SequenceClassifierOutput(logits=self.classifier(self.hidden(mean).relu()))


class Bags(nn.Module):
    """Any torch module will do, if it is made from a config."""

    def __init__(self, config):
        super().__init__()
        self.words = nn.EmbeddingBag(config.vocab_size, 32, mode="sum")
        self.labels = nn.Linear(32, config.num_labels)

    def forward(self, input_ids, attention_mask):
        return self.labels(self.words(input_ids, per_sample_weights=attention_mask.float()))
