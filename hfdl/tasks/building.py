"""The part of a task that builds its model, opens a saved one, and says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.overrides import as_override
from hfdl.config.schema import ModelConfig, Recipe
from hfdl.custom_attention.recipe import attend_by, attention_of, refuse_unsaid
from hfdl.custom_attention.trial import try_attention
from hfdl.custom_model.trial import try_model
from hfdl.errors import ModelError
from hfdl.hf_models.load import build_saved
from hfdl.tasks.new_model import NewModel
from hfdl.tasks.own_model import GivenModel, OwnSavedModel, open_own
from hfdl.tasks.spec import TaskSpec
from hfdl.weights.families.name_table import Head
from hfdl.weights.graph_files import GRAPH, is_graph
from hfdl.weights.graph_model import GraphModel
from hfdl.weights.limits import length_limit, limit_generation
from hfdl.weights.saved_shapes import saved_shape
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer


class BuildsModel:
    """The model of a task; ``PretrainedTask`` sets the attributes, and says more of them."""

    spec: ClassVar[TaskSpec]
    auto_class: ClassVar[str]
    """transformers' class that opens its models."""
    head: ClassVar[Head] = "base"
    """The head of its models, where they are new or a class of the user's; base: states alone."""
    folder: Path | None
    recipe: Recipe
    trains: bool
    tokenizer: Any
    config: Any
    new_model: NewModel | None
    own_model: OwnSavedModel | GivenModel | None
    new_parameters: list[str]
    """Parameters that were not in the model's weights, such as those of a new head."""
    model_facts: list[str]
    """What became of the saved model when it was built, as lines for a person."""

    def head_settings(self) -> dict[str, Any]:
        """Keys of the transformers config that a new head needs, such as its labels."""
        return {}

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The model with the task's head: transformers' class or hfdl's own code.

        ``new_parameters`` then names what was not in its weights, as transformers names it.

        Raises:
            ModelError: the recipe names hfdl's own code, which has no such model.
        """
        model = self._build(model_config, **self.head_settings())
        limit_generation(model, self.longest_output)
        if model_config.own_class is not None:
            self.model_facts += self._tried(model)
        path = model_config.attention
        if path is None:
            refuse_unsaid(self.config, path, model_config.name)
            return model
        return self._attending(model, path)

    @property
    def longest_output(self) -> int | None:
        """Most tokens that a saved model writes by default; None: as many as it is asked for."""
        return length_limit(self.tokenizer, self.config)

    def load_model(self) -> torch.nn.Module:
        """The saved model with all its trained weights, its head included, in eval mode.

        Of a folder that ``hfdl export`` wrote it is the graph, as a model.

        Raises:
            ModelError: the folder lacks some of them, or the graph cannot be run.
        """
        assert self.folder is not None
        if is_graph(self.folder):
            return GraphModel(self.folder / GRAPH, self.config)
        settings = self.head_settings()
        # Labels are in the saved config; padding is not in that of every model.
        kept = {key: settings[key] for key in ("pad_token_id",) if key in settings}
        own = open_own(self.config, self.recipe.model.own_class, self.folder, kept)
        if own is not None:
            model, self.new_parameters, _ = own
            self._tried(model)
        else:
            model = self._build(ModelConfig(name=str(self.folder)), **kept)
        if self.new_parameters:
            self._refuse_other_shape(model, self.folder)
            raise self.untrained(self.folder, self.new_parameters[0])
        refuse_larger_tokenizer(model, self.tokenizer, str(self.folder))
        path = attention_of(model.config, self.recipe.model.attention, str(self.folder))
        if path is not None:
            attend_by(model, path)
        return model.eval()

    def _tried(self, model: torch.nn.Module) -> list[str]:
        """What is worth a word of a class of the user's; what states must look like none knows."""
        if self.head == "base":
            return []
        return try_model(model, self.head, self.tokenizer, trains=self.trains)

    def _attending(self, model: torch.nn.Module, path: str) -> torch.nn.Module:
        """The model with the attention that the recipe names, tried once."""
        name = attend_by(model, path)
        self.model_facts += try_attention(model, name, path, trains=self.trains)
        return model

    def _build(self, model_config: ModelConfig, **settings: Any) -> torch.nn.Module:
        if self.new_model is not None:
            model, self.new_parameters = self.new_model.build(**settings)
        elif self.own_model is not None:
            model, self.new_parameters, self.model_facts = self.own_model.build(self, settings)
        else:
            assert self.folder is not None
            model, self.new_parameters, self.model_facts = build_saved(
                self.auto_class, self.folder, model_config, config=self.config,
                others=self.other_names, tokenizer=self.tokenizer if self.trains else None,
                **settings,
            )  # fmt: skip
        return model

    @property
    def has_trained_head(self) -> bool:
        """Whether training begins with a saved model that was saved with this task's head."""
        names = getattr(self.config, "architectures", None) or []
        is_saved = self.new_model is None and self.recipe.model.config is None
        keeps = self.own_model is None or self.own_model.keeps_head
        return (
            is_saved
            and keeps
            and any(str(name).endswith(self.spec.architectures) for name in names)
        )

    def other_names(self, label: str) -> Sequence[str]:
        """Names that a label may have in a saved model beside its own, the nearest first."""
        del label
        return ()

    def _refuse_other_shape(self, model: torch.nn.Module, folder: Path) -> None:
        """Say of a head that is there in another shape that it is."""
        made = dict(model.named_parameters())
        for name in self.new_parameters:
            saved = saved_shape(folder, name)
            if name in made and saved not in (None, tuple(made[name].shape)):
                raise ModelError(
                    f"{name} has the shape {list(saved)} in its weights and "
                    f"{list(made[name].shape)} by its config.json",
                    where=str(folder),
                    rule="the head has a row for each label of id2label",
                    remedy="correct id2label and label2id in its config.json",
                )

    def untrained(self, folder: Path, parameter: str) -> ModelError:
        """The error for a saved model that lacks a parameter."""
        return ModelError(
            f"the model has no trained head for this task ({parameter} is not in its weights)",
            where=str(folder),
            rule="only a fine-tuned model can predict",
            remedy=f"fine-tune it first: hfdl train {self.spec.recipe} "
            + as_override("model.name", str(folder)),
        )

    def save(self, folder: Path) -> None:
        """Write the tokenizer, with the model's limit in it; the loop writes the model."""
        limit = length_limit(self.tokenizer, self.config)
        if limit is not None:
            self.tokenizer.model_max_length = limit
        self.tokenizer.save_pretrained(folder)
