"""hfdl's metrics as ``evaluate`` modules, for code that is written for that library.

``evaluate`` is imported here alone, and only when it is needed: it costs seconds. Its own loader
runs downloaded code, which this one never does.
"""

from __future__ import annotations

from typing import Any

from hfdl.errors import ConfigError, did_you_mean, import_extra
from hfdl.metrics.named import Reads, named


def load(name: str) -> Any:
    """A metric as an ``evaluate.Metric``: ``load("accuracy").compute(predictions=, references=)``.

    Each value is the library's own for the same predictions and references.

    * ``accuracy``, ``f1``, ``precision``, ``recall``, ``matthews_correlation``: of label ids. The
      second to fourth take ``average``: ``macro`` (the default here; the library's is ``binary``),
      ``micro``, ``weighted`` or ``binary`` (of label 1).
    * ``mse``, ``mae``, ``rmse``, ``r_squared``, ``pearsonr``, ``spearmanr``: of numbers.
    * ``seqeval``: of a list of tags a sentence; ``overall_f1`` and its like, and a dict a type.
    * ``sacrebleu`` (BLEU), ``chrf``, ``ter``: of texts, each reference a text or a list of them;
      ``score``. ``exact_match``: the share of texts that are the same.
    * ``perplexity``: predictions are the mean losses of texts in nats, references their numbers of
      tokens. (The library's module of that name runs a model, which an evaluation has done.)

    Args:
        name: one of these.

    Raises:
        ConfigError: unknown name; at ``compute`` an option that the metric does not take.
        MissingExtraError: the package ``evaluate`` is not installed, or sacrebleu where it is asked
            for.
    """
    metric = named(name)
    evaluate = import_extra("evaluate", feature="hfdl.metrics.load")

    class Adapter(evaluate.Metric):
        """One of hfdl's metrics."""

        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"hfdl's {name}",
                citation="",
                inputs_description="predictions and references of equal length",
                features=_features(metric.reads),
            )

        def _compute(
            self, *, predictions: Any = None, references: Any = None, **options: Any
        ) -> dict[str, Any]:
            for option in options:
                if option not in metric.options:
                    raise ConfigError(
                        f"{name} takes no option {option!r}",
                        where=f"hfdl.metrics.load({name!r})",
                        remedy=did_you_mean(option, metric.options),
                    )
            return metric.compute(references, predictions, **{**metric.options, **options})

    return Adapter()


def _features(reads: Reads) -> Any:
    """What ``evaluate`` makes of lists: a column of each."""
    from datasets import Features, Sequence, Value

    one: Any = {
        "ids": Value("int64"),
        "numbers": Value("float64"),
        "losses": Value("float64"),
        "tags": Sequence(Value("string")),
        "texts": Value("string"),
    }[reads]
    features = Features({"predictions": one, "references": one})
    if reads != "texts":
        return features
    several = Features({"predictions": one, "references": Sequence(Value("string"))})
    return [several, features]
