"""The part of a task that builds its model, opens a saved one, and says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from hfdl.config.overrides import as_override
from hfdl.config.recorded_code import recorded
from hfdl.config.schema import ModelConfig, Recipe
from hfdl.errors import ModelError
from hfdl.tasks.answering import open_for_answers
from hfdl.tasks.spec import TaskSpec
from hfdl.weights.families.name_table import Head
from hfdl.weights.graph_files import GRAPH, is_graph
from hfdl.weights.graph_model import GraphModel
from hfdl.weights.limits import length_limit, limit_generation
from hfdl.weights.names import ATTENTION_RECORD, CLASS_RECORD
from hfdl.weights.saved_shapes import saved_shape
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer

# Imported where they are used: transformers' modelling code, which hfdl predict does without.
if TYPE_CHECKING:
    from hfdl.hf_models.build import Built
    from hfdl.tasks.new_model import NewModel
    from hfdl.tasks.own_model import GivenModel, OwnSavedModel


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
        """The model with the task's head: hfdl's own code or transformers' class.

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
            from hfdl.custom_attention.recipe import refuse_unsaid

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
        own = self._opened_own(kept)
        if own is not None:
            model, self.new_parameters, _ = own
            self._tried(model)
        else:
            model = self._opened(kept)
        if self.new_parameters:
            self._refuse_other_shape(model, self.folder)
            raise self.untrained(self.folder, self.new_parameters[0])
        refuse_larger_tokenizer(model, self.tokenizer, str(self.folder))
        path = self._saved_attention(model.config)
        if path is not None:
            from hfdl.custom_attention.recipe import attend_by

            attend_by(model, path)
        return model.eval()

    def _opened_own(self, settings: dict[str, Any]) -> Built | None:
        """The saved model, if it is of a class of the user's own."""
        asked = self.recipe.model.own_class
        if asked is None and recorded(self.config, CLASS_RECORD) is None:
            return None
        from hfdl.tasks.own_model import open_own

        assert self.folder is not None
        return open_own(self.config, asked, self.folder, settings)

    def _opened(self, settings: dict[str, Any]) -> Any:
        """The saved model, in the code that the recipe asks for."""
        asked = self.recipe.model
        section = ModelConfig(
            name=str(self.folder), implementation=asked.implementation,
            attention=self._saved_attention(self.config),
        )  # fmt: skip
        if asked.implementation != "hf" or self.trains:
            return self._build(section, **settings)
        from hfdl.weights.pretrained import build_pretrained  # hfdl's own models are not imported

        assert self.folder is not None
        model, self.new_parameters = build_pretrained(
            self.auto_class, self.folder, section, config=self.config, **settings
        )
        self.model_facts = []
        return model

    def _saved_attention(self, config: Any) -> str | None:
        """As ``attention_of``, which need not be imported where nobody speaks of an attention."""
        asked = self.recipe.model.attention
        if asked is None and recorded(config, ATTENTION_RECORD) is None:
            return None
        from hfdl.custom_attention.recipe import attention_of

        return attention_of(config, asked, str(self.folder))

    def answering_model(self) -> torch.nn.Module:
        """As ``load_model``, for answers alone: it is opened sooner, and may do nothing else.

        Raises:
            ModelError: as ``load_model``.
        """
        assert self.folder is not None
        model = open_for_answers(self.folder, self.recipe.model, self.config, self.head)
        if model is None:
            return self.load_model()
        refuse_larger_tokenizer(model, self.tokenizer, str(self.folder))
        return model

    def _tried(self, model: torch.nn.Module) -> list[str]:
        """What is worth a word of a class of the user's; what states must look like none knows."""
        if self.head == "base":
            return []
        from hfdl.custom_model.trial import try_model

        return try_model(model, self.head, self.tokenizer, trains=self.trains)

    def _attending(self, model: torch.nn.Module, path: str) -> torch.nn.Module:
        """The model with the attention that the recipe names, tried once."""
        from hfdl.custom_attention.recipe import attend_by
        from hfdl.custom_attention.trial import try_attention

        name = attend_by(model, path)
        self.model_facts += try_attention(model, name, path, trains=self.trains)
        return model

    def _build(self, model_config: ModelConfig, **settings: Any) -> torch.nn.Module:
        if self.new_model is not None:
            model, self.new_parameters = self.new_model.build(**settings)
        elif self.own_model is not None:
            model, self.new_parameters, self.model_facts = self.own_model.build(self, settings)
        else:
            from hfdl.hf_models.build import build_saved

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
        table = getattr(model, "table", None)  # of hfdl's own code, which has other names
        made = {name: p.shape for name, p in model.named_parameters()}
        made = made if table is None else table.hf_shapes
        for name in self.new_parameters:
            saved = saved_shape(folder, name)
            if name in made and saved not in (None, tuple(made[name])):
                raise ModelError(
                    f"{name} has the shape {list(saved)} in its weights and "
                    f"{list(made[name])} by its config.json",
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
