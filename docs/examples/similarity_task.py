"""A task of one's own: how alike two texts are, by ``task: similarity_task:Similarity``."""

import torch

from hfdl.data.encode import TextEncoder
from hfdl.metrics.regression import regression_metrics
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Splits
from hfdl.tasks.spec import TaskSpec
from hfdl.tasks.split import BaseSplit, Padding
from hfdl.tasks.tables import read_tables, text_column


class Pairs(BaseSplit):
    """Two encoded texts an example, and how alike they are, from 0 to 1."""

    def __init__(self, name, first, second, scores, padding, where):
        super().__init__(name, [a.size + b.size for a, b in zip(first, second, strict=True)], where)
        self.first, self.second, self.scores, self.padding = first, second, scores, padding

    def references(self):
        return self.scores

    def batch(self, examples, *, seed=0, epoch=0):
        rows = [side[i].rows[0] for side in (self.first, self.second) for i in examples]
        inputs = self.padding(rows)  # (2 B, T): the first texts, then the second ones
        scores = torch.tensor([self.scores[i] for i in examples])  # (B,)
        targets = {"scores": scores, "mask": inputs["attention_mask"]}
        return Batch(inputs, targets, examples, sum(map(len, rows)))


class Similarity(PretrainedTask):
    """The cosine of the texts' mean vectors (Reimers and Gurevych 2019, arXiv:1908.10084)."""

    spec = TaskSpec("similarity", "similarity_task:Similarity", smaller_is_better={"loss", "mse"})
    auto_class, label_names = "AutoModel", []
    best_metric, metric_names = ("spearmanr", True), ["mse", "pearsonr", "spearmanr"]

    def prepare(self, data_config):
        tables, facts = read_tables(data_config, self.memory, self.seed, self.trains)
        splits = {name: self.split(name, table, data_config) for name, table in tables.items()}
        return Splits(**splits, facts=facts)

    def split(self, name, table, data):
        length = data.max_length or 128
        encode = TextEncoder(self.tokenizer, max_length=length, long_text="truncate")
        first = encode(text_column(table, data.text, "data.text"))
        second = encode(text_column(table, data.text_pair, "data.text_pair"))
        scores = [float(score) for score in table.column(data.label, "data.label")]
        return Pairs(name, first, second, scores, Padding.of(self.tokenizer), table.where)

    def cosines(self, outputs, batch):
        mask = batch.targets["mask"][:, :, None]  # (2 B, T, 1)
        means = (outputs.last_hidden_state * mask).sum(1) / mask.sum(1)  # (2 B, D)
        return torch.cosine_similarity(*means.chunk(2))  # (B,)

    def loss(self, outputs, batch, *, training=False):
        errors = (self.cosines(outputs, batch) - batch.targets["scores"]) ** 2  # (B,)
        return LossSum(errors.sum(), torch.tensor(float(len(errors)), device=errors.device))

    def decode(self, outputs, batch):
        return [{"prediction": cosine} for cosine in self.cosines(outputs, batch).tolist()]

    def metrics(self, predictions, references):
        found = regression_metrics(references, [said["prediction"] for said in predictions])
        return {name: found[name] for name in self.metric_names}
