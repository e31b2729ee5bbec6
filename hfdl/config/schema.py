"""The recipe: every key that a run can be given, with its type, unit and default.

The models are frozen and refuse unknown keys. The text of each field is its documentation:
``hfdl recipes keys`` prints it. Names follow Hugging Face's where it has one.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from hfdl.config.own_code import absolute

OwnCode = Annotated[str, AfterValidator(absolute)]
"""A name, or ``file.py:NAME`` or ``module:NAME``; the path of a file becomes absolute."""
PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Threshold = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A group of keys: immutable, and closed to keys that it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}


def unescaped(value: Any) -> Any:
    r"""A separator with ``\n``, ``\r`` and ``\t`` read: a shell passes them on as two characters.

    Before a letter they are left alone: ``\newpage`` is a mark of LaTeX.
    """
    if not isinstance(value, str):
        return value
    return re.sub(r"\\[nrt](?![A-Za-z])", lambda match: _ESCAPES[match[0]], value)


def _as_name(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ModelConfig(Section):
    """Which model is trained."""

    name: str = Field(
        description="Hub id, or a folder that holds a saved model and its tokenizer. To train from "
        "scratch: hfdl://transformer for a translation; hfdl://bert, hfdl://gpt2, hfdl://llama and "
        "so on for language models and labels; hfdl://lstm, gru or rnn for all of these but masks, "
        "hfdl://text-cnn, word-average or bag-of-words for labels of texts. config holds the sizes."
    )
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
        description="Whose model code runs. hf: transformers' class as it is. auto: that class "
        "with hfdl's equal but faster parts in it (on a CPU its dropout). hfdl: hfdl's own model "
        "code on the same weights; what is saved is transformers' class again.",
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


class CsvConfig(Section):
    """How csv and tsv files are read."""

    separator: str | None = Field(
        default=None,
        description="The character between two columns, for instance ';' or '\\t'. Default: what "
        "the header shows where it is unambiguous, else a comma in csv and a tab in tsv files.",
    )
    header: bool | list[str] = Field(
        default=True,
        description="true: the first line names the columns. false: no line does, and columns go "
        "by their number, from 1. A list: no line does, and these are the names.",
    )

    @field_validator("separator", mode="before")
    @classmethod
    def _one_character(cls, value: Any) -> Any:
        value = unescaped(value)
        if isinstance(value, str) and (len(value) != 1 or value in '"\r\n'):
            raise ValueError(
                f"data.csv.separator ({value!r}) must be one character, and no quote or line end"
            )
        return value


class DataConfig(Section):
    """Which texts, which columns, and how a text becomes tokens."""

    train: str | list[str] | None = Field(
        default=None,
        description="Hub id (ID, ID:CONFIG), hfdl://NAME, or a local csv, tsv, json, jsonl, CoNLL, "
        "parquet or txt file or folder; a list of files or a pattern ('data/*.csv') is read as "
        "one. docs/data-formats.md has all formats.",
    )
    validation: str | list[str] | None = Field(
        default=None,
        description="As train. Default: the source's own split, else a share of train.",
    )
    test: str | list[str] | None = Field(
        default=None, description="As train. Default: the source's own split, if any."
    )
    text: str = Field(default="text", description="Column of the text.")
    text_pair: str | None = Field(default=None, description="Column of the second text of a pair.")
    label: str | list[str] = Field(
        default="label",
        description="Column of the label; of the target, where texts are translated. A list of "
        "columns: several labels, each 0 or 1 a row.",
    )
    labels: list[str] | dict[str, str] | None = Field(
        default=None,
        description="The label set in its order (of named entities the tags, in any order), or a "
        "map from the value in the file to the label. Default: what the training split holds, "
        "sorted.",
    )

    @field_validator("labels", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        """Take [1, 2] for ["1", "2"]: labels are names, and files may write them as numbers."""
        if isinstance(value, list):
            return [str(item) if type(item) is int else item for item in value]
        if isinstance(value, dict):
            return {k: str(item) if type(item) is int else item for k, item in value.items()}
        return value

    tokens: str = Field(
        default="tokens",
        description="Column of the words of a sentence, for named entities: a list a row. In a "
        "CoNLL file 'tokens' is the first column; others go by their number, from 1.",
    )
    tags: str = Field(
        default="tags",
        description="Column of the words' tags. In a CoNLL file 'tags' is the last column. "
        "Spellings such as B_PER, b-per, PER-B or 0 for O are read where they can mean one thing.",
    )
    spans: str = Field(
        default="spans",
        description="Column of annotations that takes the place of tokens and tags where there is "
        "no tokens column: a list of {start, end, label} a row, in characters of data.text.",
    )
    sentence: str | None = Field(
        default=None,
        description="Column that tells which sentence a word belongs to, in files that have a word "
        "a row. Default: found by its name (sentence_id, 'Sentence #').",
    )
    scheme: Literal["auto", "BIO", "BIOES", "BILOU"] = Field(
        default="auto",
        description="Scheme of the tags that a model is trained on. auto: that of the data; IOB1 "
        "and tags without prefixes are read as BIO.",
    )
    illegal_tags: Literal["repair", "error"] = Field(
        default="repair",
        description="What becomes of a tag that cannot follow the one before it (O, I-PER): read "
        "as conlleval reads it, or an error with its line.",
    )
    label_pieces: Literal["first", "all"] = Field(
        default="first",
        description="Which pieces of a word are labelled in training: its first, or all of them "
        "(the others of B-X get I-X). Words are always read off their first piece.",
    )
    label_separator: str | None = Field(
        default=None,
        description="Splits a label cell into several labels ('sport;music' with ';').",
    )
    label_vectors: bool | None = Field(
        default=None,
        description="Whether lists of 0 and 1 say of each label whether it holds ([1.0, 0.0, 0.0]; "
        "data.labels names the places), or are labels called 0 and 1. Default: vectors where a "
        "list of labels cannot look so.",
    )
    problem_type: (
        Literal["single_label_classification", "multi_label_classification", "regression"] | None
    ) = Field(
        default=None,
        description="As in a transformers config. Default: lists are multi-label, numbers with a "
        "fraction are regression, all else is single-label.",
    )
    src_lang: str | None = Field(
        default=None,
        description="Language of the sources, where a model that translates knows several: en_XX "
        "(mBART), eng_Latn (NLLB), en (T5).",
    )
    tgt_lang: str | None = Field(
        default=None,
        description="Language of the translations, as src_lang; it is forced to come first.",
    )
    max_length: PositiveInt | None = Field(
        default=128,
        description="Longest input in tokens, special tokens included; of a causal language model "
        "the length of a block. null: the model's limit.",
    )
    long_text: Literal["truncate", "head_tail", "window", "error"] | None = Field(
        default=None,
        description="What becomes of a longer text: its start, its start and end, all of it in "
        "overlapping windows (whose probabilities are averaged), or an error. Default: truncate; "
        "window for named entities.",
    )
    stride: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Tokens that neighbouring windows share. Default: a quarter of max_length; "
        "half of it for the strided perplexity of a causal language model.",
    )
    separator: str | None = Field(
        default="\n",
        description="What stands between the documents of a txt file that a language model reads: "
        "'\\n' (a document a line), '\\n\\n' (paragraphs), a mark such as '<|endoftext|>'. null: "
        "a file is one document.",
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of text files, as Python and pandas name it: cp1252, utf-16, "
        "shift_jis. Default: UTF-8, or UTF-16 where a byte order mark says so.",
    )
    csv: CsvConfig = Field(default_factory=CsvConfig)
    unlabelled: Literal["error", "skip"] = Field(
        default="error",
        description="What becomes of rows without a label (an empty cell, null, -1 of the Hub): "
        "an error with the line, or left out and counted.",
    )
    streaming: bool = Field(
        default=False,
        description="Read the corpus of a language model piece by piece and keep its token ids on "
        "disk: for texts that are larger than memory.",
    )
    document_mask: bool = Field(
        default=False,
        description="Where a block of a causal language model holds several documents, each "
        "attends to itself alone, and its positions count from its own start.",
    )
    mask_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.15,
        description="Share of the tokens that a masked language model is asked for (80 % of them "
        "masked, 10 % replaced, 10 % left).",
    )
    whole_words: bool = Field(
        default=False, description="Choose whole words to be masked, not single pieces."
    )
    max_samples: PositiveInt | None = Field(
        default=None, description="Keep this many examples of each split, drawn with the seed."
    )
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.1,
        description="Share of train that becomes validation where none is given (stratified).",
    )

    @field_validator("separator", "label_separator", mode="before")
    @classmethod
    def _escapes(cls, value: Any) -> Any:
        return unescaped(value)

    @field_validator("text", "text_pair", "label", "tokens", "tags", "spans", "sentence",
                     mode="before")  # fmt: skip
    @classmethod
    def _column_by_number(cls, value: Any) -> Any:
        """A column without a name goes by its number, which YAML reads as a number."""
        if isinstance(value, list):
            return [_as_name(item) for item in value]
        return _as_name(value)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "".encode(value or "utf-8")
        except (LookupError, ValueError):
            raise ValueError(
                f"data.encoding cannot be {value}; it must be one of Python's text encodings, for "
                "instance utf-8, cp1252, latin-1, utf-16 or shift_jis"
            ) from None
        return value


class TrainConfig(Section):
    """The loop: how long, how fast, how exact, what is kept."""

    epochs: Annotated[float, Field(gt=0)] = Field(
        default=3, description="Passes over the training split."
    )
    steps: PositiveInt | None = Field(
        default=None, description="Updates. Takes the place of epochs."
    )
    batch_size: PositiveInt = Field(
        default=32, description="Examples per update, over all micro-batches and processes."
    )
    micro_batch_size: PositiveInt | None = Field(
        default=None, description="Examples per forward pass and process. Default: the whole batch."
    )
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=5e-5, description="Peak learning rate."
    )
    optimizer: OwnCode = Field(
        default="adamw",
        description="adamw, adam, adafactor, adagrad, adadelta, adamax, asgd, nadam, radam, "
        "rmsprop, rprop or sgd, or file.py:Class or module:Class of your own.",
    )
    optimizer_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Further arguments of that optimizer, as its class names them: {momentum: "
        "0.9}.",
    )
    schedule: str = Field(default="linear", description="Name of one of transformers' schedules.")
    schedule_options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of that schedule, as transformers names them."
    )
    warmup: Annotated[float, Field(ge=0)] = Field(
        default=0.06,
        description="Warm-up: below 1 a share of all updates, from 1 on a number of updates.",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=0.01,
        description="The optimizer's weight decay, not applied to biases and norms.",
    )
    adam_betas: tuple[float, float] = Field(default=(0.9, 0.999), description="AdamW's betas.")
    adam_epsilon: Annotated[float, Field(gt=0)] = Field(
        default=1e-8, description="Epsilon of Adam and its relatives."
    )
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        default=1.0, description="Largest norm of the whole gradient. null: no clipping."
    )
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto",
        description="Type of the arithmetic. auto: bf16 where the GPU or CPU has it natively.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0,
        description="Fixes the new head, the order of the examples, dropout and the splits.",
    )
    evaluate_every: PositiveInt | None = Field(
        default=None, description="Updates between evaluations. Default: once an epoch."
    )
    evaluate_at_start: bool = Field(
        default=False,
        description="Evaluate before the first update too: what the model was before training. "
        "If nothing after is better, these weights are kept.",
    )
    save_every: PositiveInt | None = Field(
        default=None, description="Updates between checkpoints. Default: at each evaluation."
    )
    keep_checkpoints: PositiveInt = Field(
        default=2,
        description="Latest checkpoints kept while training: if the newest is damaged, the one "
        "before it is resumed from. One stays after the end.",
    )
    metrics: list[OwnCode] = Field(
        default_factory=list,
        description="More metrics, beside the task's: names that hfdl.metrics.load knows, "
        "file.py:function or module:function of (predictions, references), or modules of the "
        "library evaluate as file.py:Class.",
    )
    callbacks: list[OwnCode] = Field(
        default_factory=list,
        description="file.py:function or module:function that is called with each event of the "
        "run, or a class whose instances are.",
    )
    best_metric: str | None = Field(
        default=None,
        description="Validation metric that picks the best weights. Default: the task's.",
    )
    early_stopping: PositiveInt | None = Field(
        default=None, description="Stop after this many evaluations without a better one."
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Recompute activations in the backward pass: less memory, more time.",
    )
    compile: bool = Field(default=False, description="Run the model through torch.compile.")
    trackers: list[str] = Field(
        default_factory=list,
        description="Accelerate's trackers by name: tensorboard, wandb, mlflow, ...",
    )
    samples: list[str] = Field(
        default_factory=lambda: [""],
        description="Prompts that a causal language model continues after each evaluation, to be "
        "watched learning; '' starts with nothing, [] is none.",
    )


class LoraConfig(Section):
    """Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685), through PEFT."""

    r: PositiveInt = Field(default=8, description="Rank of the adapters.")
    alpha: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Their weight is alpha / r. Default: 2 r."
    )
    dropout: Share = Field(default=0.0, description="Dropout before the adapters.")
    targets: list[str] | None = Field(
        default=None,
        description="Ends of the names of the linear layers that get one. Default: every linear "
        "layer of the body.",
    )


class TuneConfig(Section):
    """What is trained, and what the loss weighs."""

    lora: LoraConfig | None = Field(
        default=None,
        description="Train low-rank adapters and the head instead of all weights; they are merged "
        "when the model is saved. {} takes every default. Needs the extra lora: pip install "
        "'hfdl[lora]'.",
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

    @model_validator(mode="after")
    def _stride_fits(self) -> Recipe:
        stride, max_length = self.data.stride, self.data.max_length
        if stride is not None and max_length is not None and stride >= max_length:
            raise ValueError(
                f"data.stride ({stride}) must be smaller than data.max_length ({max_length})"
            )
        return self
