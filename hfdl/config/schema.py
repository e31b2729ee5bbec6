"""The recipe: every key that a run can be given, with its type, unit and default.

The models are frozen and refuse unknown keys. The text of each field is its documentation:
``hfdl recipes keys`` prints it. Names follow Hugging Face's where it has one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional

from pydantic import Field, create_model, field_validator, model_validator

from hfdl.config.data_section import CsvConfig, DataConfig
from hfdl.config.section import OwnCode, PositiveInt, Section, Share, Threshold
from hfdl.config.study_section import Range, StudyConfig
from hfdl.config.train_section import TrainConfig

__all__ = [
    "CsvConfig",
    "DataConfig",
    "LoraConfig",
    "ModelConfig",
    "Range",
    "Recipe",
    "StudyConfig",
    "TrainConfig",
    "TuneConfig",
]


class _NamedModel(Section):
    name: str = Field(
        description="Hub id, or a folder that holds a saved model and its tokenizer. To train from "
        "scratch: hfdl://transformer for a translation; hfdl://bert, hfdl://gpt2, hfdl://llama and "
        "so on, or hfdl://encoder and hfdl://decoder, for language models and labels; hfdl://lstm, "
        "gru or rnn for all of these but masks, hfdl://text-cnn, word-average or bag-of-words for "
        "labels of texts. config holds the sizes, and position_embedding_type of hfdl://encoder, "
        "decoder and transformer: learned, sinusoidal, rotary, alibi, t5 or none."
    )


_ClassedModel = create_model(  # "class" is a word of Python, which a class body cannot name
    "_ClassedModel",
    __base__=_NamedModel,
    **{  # pyright: ignore[reportArgumentType, reportCallIssue]
        "class": (
            Optional[OwnCode],  # noqa: UP045  # pyright: no "|" of an Annotated outside annotations
            Field(
                default=None,
                description="Class of the model: file.py:Class or module:Class of your own, a "
                "torch.nn.Module or a transformers PreTrainedModel, which is made from the config "
                "and the tokenizer of name. Sizes of its own may stand in config. Default: the "
                "class that transformers has for the task.",
            ),
        )
    },
)


class ModelConfig(_ClassedModel):
    """Which model is trained."""

    tokenizer: str | None = Field(
        default=None,
        description="Tokenizer of an hfdl:// model: learned from the training data (bpe: bytes "
        "merged into pieces; wordpiece; words: whole words in lower case; characters), or that of "
        "a folder or Hub id. model.config.vocab_size is the number of pieces to learn. Default: "
        "the named model's; for hfdl:// models words where these are older than transformers, "
        "wordpiece for encoders such as hfdl://bert, else bpe.",
    )
    vectors: str | None = Field(
        default=None,
        description="File of word vectors, in word2vec's text format, for the embeddings of an "
        "hfdl:// model over whole words; embedding_size becomes their width. What the file lacks "
        "begins at random. model.config.freeze_embeddings=true leaves all as they are.",
    )
    revision: str | None = Field(
        default=None, description="Branch, tag or commit of the Hub repository."
    )
    implementation: Literal["auto", "hf", "hfdl"] = Field(
        default="auto",
        description="Whose model code runs on the weights. auto: hfdl's own, which is faster, "
        "where it has the model's family and settings; else transformers' class with hfdl's "
        "dropout and linear layers in it. hfdl: its own, or an error. hf: transformers' class "
        "as it is. What is saved is transformers' class in any case.",
    )
    attention: OwnCode | None = Field(
        default=None,
        description="Attention of the model: file.py:function or module:function of your own, as "
        "hfdl.register_attention takes it; a name that was registered; hfdl, hfdl_fused; or one "
        "of transformers' own, such as eager and sdpa. Default: the model's.",
    )
    config: dict[str, Any] | None = Field(
        default=None,
        description="Sizes that replace those of the named model, which is then trained from "
        "scratch: random weights, the named model's tokenizer.",
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32",
        description="Type of the stored weights. The type of the arithmetic is train.precision.",
    )

    @field_validator("implementation", mode="before")
    @classmethod
    def _former_name(cls, value: Any) -> Any:
        """Accept "scratch", the name of this value in hfdl 0.1, for "hfdl"."""
        return "hfdl" if value == "scratch" else value

    @property
    def own_class(self) -> str | None:
        """The key ``class``, under a name that Python lets one write."""
        return getattr(self, "class")


class LoraConfig(Section):
    """Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685), through PEFT."""

    r: PositiveInt = Field(default=8, description="Rank of the adapters.")
    alpha: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Their weight is alpha / r. Default: 2 r."
    )
    dropout: Share = Field(default=0.0, description="Dropout before the adapters.")
    targets: list[str] | None = Field(
        default=None,
        description="Ends of the names of the linear layers that get one, as transformers or the "
        "model's own code names them. Default: every linear layer of the body.",
    )


class TuneConfig(Section):
    """What is trained, and what the loss weighs."""

    lora: LoraConfig | None = Field(
        default=None,
        description="Train low-rank adapters and the head instead of all weights; they are merged "
        "when the model is saved. {} takes every default. Needs the package peft.",
    )
    freeze: str | list[str] | None = Field(
        default=None,
        description="What is not trained: 'body' (the pretrained model becomes a feature "
        "extractor, its dropout off), 'embeddings', a range of layers ('layers.0-3', counted from "
        "the input), a pattern of parameter names ('*.bias'), or a list of these.",
    )
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Each layer learns at this multiple of the rate of the layer above it; the "
        "head at the full rate (0.9, for instance).",
    )
    loss: Literal["cross_entropy", "focal"] = Field(
        default="cross_entropy",
        description="focal: what is predicted well already counts less (Lin et al. 2017).",
    )
    focal_gamma: Annotated[float, Field(ge=0)] = Field(
        default=2.0, description="How much less; 0 is cross-entropy."
    )
    label_smoothing: Share = Field(
        default=0.0,
        description="Share of each target that is spread over all classes, in training.",
    )

    threshold: Literal["best"] | Threshold | dict[str, Threshold] | None = Field(
        default=None,
        description="Score from which on a label is given, where a text may have several: one for "
        "all, some by label ({rare: 0.3}), or 'best': tuned on validation for the F1 of each "
        "label. It is saved with the model. Default: 0.5.",
    )
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=0)]] | None = Field(
        default=None,
        description="Weight of each label in the training loss: 'balanced' (inverse frequency) or "
        "by name.",
    )


class Recipe(Section):
    """A whole run. ``hfdl recipes show NAME`` prints one; ``recipe.yaml`` in a run is one."""

    task: str = Field(
        description="text_classification (alias sentiment), token_classification (ner), masked_lm "
        "(mlm), causal_lm (clm), translation."
    )
    model: ModelConfig
    data: DataConfig = Field(default_factory=DataConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    tune: TuneConfig = Field(default_factory=TuneConfig)
    search: dict[str, Range | list[Any]] = Field(
        default_factory=dict,
        description="What hfdl tune tries, by key: {train.learning_rate: {low: 1e-5, high: 1e-4, "
        "log: true}, train.batch_size: [16, 32]}. A range has whole numbers where the key does or "
        "where step is whole. hfdl train passes it over.",
    )
    study: StudyConfig = Field(default_factory=StudyConfig)

    def as_written(self) -> dict[str, Any]:
        """Every key with its value; of what only ``hfdl tune`` reads, what there is of it."""
        data = self.model_dump(mode="json")
        data["search"] = {
            key: {n: v for n, v in value.items() if v is not None}
            if isinstance(value, dict)
            else value
            for key, value in data["search"].items()
        }
        unused = {"search"} if not self.search else set()
        unused |= {"study"} if self.study == StudyConfig() else set()
        return {key: value for key, value in data.items() if key not in unused}

    @model_validator(mode="after")
    def _fold_fits(self) -> Recipe:
        folds, fold = self.data.folds, self.data.fold
        if (folds is None) != (fold is None):
            raise ValueError("data.folds and data.fold go together: in how many parts, and which")
        if folds is not None and fold is not None and fold >= folds:
            raise ValueError(f"data.fold ({fold}) must be below data.folds ({folds})")
        return self

    @model_validator(mode="after")
    def _stride_fits(self) -> Recipe:
        stride, max_length = self.data.stride, self.data.max_length
        if stride is not None and max_length is not None and stride >= max_length:
            raise ValueError(
                f"data.stride ({stride}) must be smaller than data.max_length ({max_length})"
            )
        return self
