"""Base class of tasks whose model is a transformer: how they are created, and what they define.

A task is created in one of three ways: for a saved model that is trained further, for a new model
whose tokenizer may still have to be learned, or for a saved model that is evaluated or predicts.
All three end in ``_take``, once tokenizer and config are known; what a task makes of them, and
what its head needs, is all that a subclass defines. ``building`` makes the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe, TuneConfig
from hfdl.data.table import Table
from hfdl.errors import ConfigError
from hfdl.tasks.building import BuildsModel
from hfdl.tasks.own_types import register_own_types
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.scored import ScoredTask
from hfdl.tasks.spec import TaskSpec
from hfdl.tasks.tables import Strata, text_column
from hfdl.weights.model_config import load_config
from hfdl.weights.names import is_new_model
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_tokenizer import load_tokenizer

if TYPE_CHECKING:
    from hfdl.tasks.new_model import NewModel
    from hfdl.tasks.own_model import GivenModel, OwnSavedModel


class PretrainedTask(BuildsModel, ScoredTask, ABC):
    """A task whose model is a pretrained transformer, or one of random weights.

    Use ``for_training``, ``for_model`` or ``of_parts``.

    Args:
        folder: the model's folder; None for a new model.
        tokenizer: its fast tokenizer; None until ``prepare`` has learned one from the data.
        config: its transformers config; None until then.
        recipe: the whole recipe.
        trains: whether ``prepare`` reads a training split, and labels are read from it.
        memory: data objects by the marker that stands for them in the recipe.
        new_model: a model that is trained from random weights.
        own_model: a class or an object of the user's, with the tokenizer of a folder.
    """

    spec: ClassVar[TaskSpec]
    """The task's description for the rest of hfdl."""
    name: ClassVar[str]
    has_thresholds: ClassVar[bool] = False
    """Whether its answers may be by ``tune.threshold``."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "spec" in cls.__dict__:
            cls.name = cls.spec.name

    def __init__(
        self,
        folder: Path | None,
        tokenizer: Any,
        config: Any,
        *,
        recipe: Recipe,
        trains: bool,
        memory: Mapping[str, Any] | None = None,
        new_model: NewModel | None = None,
        own_model: OwnSavedModel | GivenModel | None = None,
    ) -> None:
        if recipe.tune.threshold is not None and not self.has_thresholds:
            raise ConfigError(
                f"{self.name} has no thresholds",
                where="tune.threshold",
                rule="they say which of several labels a text has",
                remedy="set tune.threshold=null",
            )
        self.folder, self.new_model, self.own_model = folder, new_model, own_model
        self.recipe, self.trains, self.memory = recipe, trains, memory or {}
        self.tune = recipe.tune if trains else TuneConfig()
        self.seed = recipe.train.seed
        self.class_weights: torch.Tensor | None = None
        """The weight of each label in the loss that is trained on, shape (C,)."""
        self.new_parameters, self.model_facts = [], []
        self.tokenizer: Any = None
        self.config: Any = None
        if tokenizer is not None:
            self._take(tokenizer, config)

    # ---- creating it -------------------------------------------------------------------------

    @classmethod
    def for_training(cls, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Self:
        """A task that trains a new model, or a saved one further.

        Raises:
            ModelError: the model cannot be found, or its tokenizer is not fit for the task.
            ConfigError: keys that do not go together.
        """
        from hfdl.tasks.new_model import refuse_parts_of_a_new_model
        from hfdl.tasks.own_model import GivenModel, OwnSavedModel, own_source

        cls.check_recipe(recipe)
        model = recipe.model
        own = own_source(model, memory or {}, cls.head)
        if isinstance(own, OwnSavedModel | GivenModel):
            return cls(
                own.folder, own.tokenizer, own.config, recipe=recipe, trains=True, memory=memory,
                own_model=own,
            )  # fmt: skip
        new = cls.new_model_for(model) if own is None else own
        if new is not None:
            config = None if new.tokenizer is None else new.config()
            return cls(
                None, new.tokenizer, config, recipe=recipe, trains=True, memory=memory,
                new_model=new,
            )  # fmt: skip
        refuse_parts_of_a_new_model(model)
        folder = find_model(model.name, model.revision, weights=model.config is None)
        config = load_config(folder, model.config)
        return cls(
            folder, load_tokenizer(folder), config, recipe=recipe, trains=True, memory=memory
        )

    @classmethod
    def for_model(
        cls, folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> Self:
        """A task for a saved model, whose labels are the model's own."""
        register_own_types(folder)
        return cls.of_parts(folder, load_config(folder), load_tokenizer(folder), recipe, memory)

    @classmethod
    def of_parts(
        cls,
        folder: Path,
        config: Any,
        tokenizer: Any,
        recipe: Recipe,
        memory: Mapping[str, Any] | None = None,
    ) -> Self:
        """A task for a model that is already open: its transformers config and tokenizer."""
        return cls(folder, tokenizer, config, recipe=recipe, trains=False, memory=memory)

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        """Refuse, before any file is read, keys that the task cannot follow.

        Raises:
            ConfigError: naming the key. A task without such keys accepts all.
        """
        del recipe

    @classmethod
    def new_model_for(cls, model: ModelConfig) -> NewModel | None:
        """The model that a recipe trains from random weights; None: it names a saved one."""
        if not is_new_model(model):
            return None
        from hfdl.tasks.new_model import NewModel

        return NewModel(cls.head, model)

    def _take(self, tokenizer: Any, config: Any) -> None:
        """Set up what depends on the tokenizer and the config, once both are known."""
        self.tokenizer, self.config = tokenizer, config

    def _learn_tokenizer(self, texts: Iterable[str]) -> list[str]:
        """Learn the tokenizer of a new model that has none; facts about it, as lines of text."""
        if self.new_model is None:
            return []
        if self.tokenizer is None:
            self.new_model.learn(texts)
            self._take(self.new_model.tokenizer, self.new_model.config())
        return self.new_model.facts

    # ---- data --------------------------------------------------------------------------------

    @abstractmethod
    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split and tokenise the data."""

    def strata(self, table: Table) -> Strata:
        """What dividing a table keeps the proportions of: a value for each row; None: nothing."""
        del table
        return None

    def labels_of_training(self, tables: Mapping[str, Table]) -> Sequence[str]:
        """The labels that ``prepare`` would read from these splits; none of other tasks."""
        del tables
        return ()

    def change_of_kind(self, tables: Mapping[str, Table]) -> list[str]:
        """A line where a trained head would be trained on these splits for other answers."""
        del tables
        return []

    @classmethod
    def training_texts(cls, train: Table, config: DataConfig) -> list[str]:
        """The texts of a training split that a new tokenizer is learned from."""
        return text_column(train, config.text, "data.text")

    @property
    def smaller_is_better(self) -> frozenset[str]:
        """Metrics that are errors: the best weights have the least of them."""
        return self.spec.smaller_is_better | {"loss"}

    # ---- loss, predictions and metrics -------------------------------------------------------

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """The loss of a batch, as a sum and a count."""

    @abstractmethod
    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """One prediction for each of ``batch.examples``, in order."""

    @abstractmethod
    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Metrics by name."""

    def facts(self) -> dict[str, Any]:
        """Facts about the task for metrics.json."""
        return {"task": self.name}
