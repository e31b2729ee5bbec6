"""One run in progress: the loop, its listeners, and the files that the run leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from hfdl.config.overrides import settings
from hfdl.config.schema import Recipe
from hfdl.config.yaml import dump_recipe
from hfdl.environment import machine, peak_memory_bytes, versions
from hfdl.hf_models.build import implementation_of
from hfdl.progress import tell
from hfdl.report import write_model_card, write_report
from hfdl.runs.callbacks import load_callbacks
from hfdl.runs.held_out import evaluate_split, prediction_records
from hfdl.runs.ingredients import files_of
from hfdl.runs.log import LogFile
from hfdl.runs.outputs import RECIPE, RunFolder
from hfdl.runs.own_faults import own_faults
from hfdl.runs.own_metrics import try_metrics
from hfdl.runs.together import together
from hfdl.runs.tuned_model import tuned_model
from hfdl.tasks.protocol import Settles, Splits, Task
from hfdl.training.accelerator import Tracking, forget_device_state, make_accelerator
from hfdl.training.checkpoint import Checkpoints
from hfdl.training.distributed.sharding import strategy_fact
from hfdl.training.dry_run import probe
from hfdl.training.evaluation import Evaluation, evaluate
from hfdl.training.events import Event, Finished, Listener, Noted, Planned, StopTraining
from hfdl.training.files import move_into
from hfdl.training.loop import Loop
from hfdl.training.memory import onednn_as_before
from hfdl.training.plan import best_metric, total_steps
from hfdl.training.signals import SignalWatch
from hfdl.tuning.lora import merge
from hfdl.weights.pretrained import quiet_transformers


class Session:
    """Everything that a run needs, made and checked before anything is written.

    Args:
        recipe: the whole recipe.
        task: prepared.
        splits: what it prepared.
        folder: the run's folder; None for a dry run.
        listener: takes the events, on the main process.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        splits: Splits,
        folder: RunFolder | None,
        listener: Listener,
    ) -> None:
        assert splits.train is not None
        try_metrics(recipe, task, splits)
        tell("building the model")
        forget_device_state()
        self.recipe, self.task, self.splits, self.folder = recipe, task, splits, folder
        self._recipe_text = dump_recipe(recipe, file=RECIPE)
        self.accelerator, self.precision, reason = make_accelerator(
            recipe.train, folder.path if folder else None
        )
        self._listeners: list[Listener] = [listener]
        if folder is not None:  # of a dry run nobody is told
            self._listeners += load_callbacks(recipe.train.callbacks)
        tuned = tuned_model(recipe, task, process=self.accelerator.process_index)
        self.parameters = list(tuned.model.parameters())
        self._implementation = implementation_of(tuned.model)
        self.loop = Loop(
            task,
            tuned.model,
            splits.train,
            splits.validation,
            recipe.train,
            self.accelerator,
            checkpoints=Checkpoints(
                folder.checkpoints, recipe.train.keep_checkpoints, self._recipe_text
            )
            if folder
            else None,
            listener=self._tell,
            layer_decay=recipe.tune.layer_decay,
            eval_modules=tuned.eval_modules,
            files=files_of(recipe),
        )
        precision = f"precision: {self.precision}, {reason}"
        strategy = strategy_fact(self.accelerator, recipe.train)
        self.facts = [*splits.facts, precision, *strategy, *tuned.facts]

    def planned(self) -> Planned:
        """What is about to run."""
        config, loop = self.recipe.train, self.loop
        train = loop.train
        steps = total_steps(config, len(train))
        epochs = steps / loop.steps_per_epoch
        micro = config.micro_batch_size or config.batch_size
        return Planned(
            task=self.task.name,
            model=self.recipe.model.name,
            implementation=self._implementation,
            labels=self.task.label_names,
            parameters=sum(p.numel() for p in self.parameters),
            trainable=sum(p.numel() for p in self.parameters if p.requires_grad),
            examples={name: len(split) for name, split in self.splits.named().items()},
            tokens=round(epochs * int(train.lengths.sum())),
            epochs=epochs,
            steps=steps,
            batch_size=config.batch_size,
            micro_batch_size=min(micro, config.batch_size),
            precision=self.precision,
            device=str(self.accelerator.device),
            processes=self.accelerator.num_processes,
            micro_batch_tokens=config.micro_batch_tokens,
        )

    def estimated(self) -> Planned:
        """The plan with time and memory, from a few real updates on this machine."""
        return probe(self.loop, self.planned())

    def train(self, *, resume: bool, overwrite: bool, report: bool = True) -> dict[str, Any]:
        """Train, evaluate, write the folder.

        Args:
            resume: continue from the last checkpoint.
            overwrite: empty the folder of the old run first.
            report: write report.html and the model card.

        Returns:
            the contents of metrics.json.
        """
        assert self.folder is not None
        if self._is_main:
            self.folder.create(resume=resume, overwrite=overwrite)
            self.folder.write_recipe(self._recipe_text)
        self.accelerator.wait_for_everyone()
        with (
            own_faults(self.folder.path, files_of(self.recipe).values()),
            _Listening(self, append=resume),
            onednn_as_before(),
            together(self.folder.path),
            SignalWatch() as watch,
        ):
            for fact in self.facts:
                self._tell(Noted(fact))
            self._tell(self.planned())
            if resume:
                self.loop.resume()
            try:
                reason = self.loop.run(watch)
            except StopTraining as stop:
                progress = self.loop.progress
                where = str(self.folder.path)
                self._tell(Finished(stop.reason, progress.step, progress.seconds, where))
                raise
            if self.splits.validation is not None and self.loop.progress.best_step is None:
                name, _ = best_metric(self.recipe.train, self.task)
                self._tell(Noted(f"{name} was never a number: saved are the last weights"))
            metrics = self._finish()
            progress = self.loop.progress
            scores = {name: metrics[name] for name in self.splits.named() if name in metrics}
            self._tell(
                Finished(reason, progress.step, progress.seconds, str(self.folder.path), scores)
            )
        if self._is_main:
            if report:
                tell("writing the report")
                write_report(self.folder.path)
                write_model_card(self.folder.path)
            Checkpoints(self.folder.checkpoints, keep=1).tidy()
        self.accelerator.wait_for_everyone()
        return metrics

    # ---- the end of a run ----------------------------------------------------------------------

    def _finish(self) -> dict[str, Any]:
        """Evaluate the best weights in float32, as plain transformers would run them; save all."""
        self.loop.load_best()
        with self.loop.state.whole_model() as whole:
            model = self.accelerator.unwrap_model(
                whole, keep_fp32_wrapper=False, keep_torch_compile=False
            )
            merge(model)  # what is evaluated is what is saved
            return self._evaluate_and_save(model)

    def _evaluate_and_save(self, model: Any) -> dict[str, Any]:
        assert self.folder is not None
        held_out = {n: s for n, s in self.splits.named().items() if n != "train"}
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        self._settle(model, rank, world)
        evaluations = {
            name: evaluate_split(self.task, model, split, self.accelerator.device, rank, world)
            for name, split in held_out.items()
        }
        metrics = self._metrics(evaluations)
        if self._is_main:
            tell("saving the model")
            aside = self.folder.path / ".writing-model"
            with quiet_transformers():
                model.save_pretrained(aside)
            self.task.save(aside)
            move_into(aside, self.folder.path)
            self.folder.write_predictions(prediction_records(held_out, evaluations))
            self.folder.write_metrics(metrics)
        return metrics

    def _settle(self, model: torch.nn.Module, rank: int, world: int) -> None:
        """Let the task choose how it answers, by the validation split."""
        task, split = self.task, self.splits.validation
        if split is None or not isinstance(task, Settles) or not task.settles:
            return
        found = evaluate(task, model, split, self.accelerator.device, rank=rank, world=world)
        for fact in task.settle(model, found.predictions, split.references()):
            self._tell(Noted(fact))

    def _metrics(self, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
        progress = self.loop.progress
        name, _ = best_metric(self.recipe.train, self.task)
        best = {
            "metric": name,
            "value": progress.best_value,
            "step": progress.best_step,
            "epoch": progress.best_step / self.loop.steps_per_epoch,
        } if progress.best_step is not None else None  # fmt: skip
        seconds = progress.seconds or math.inf
        count = progress.loss_count
        return {
            **self.task.facts(),
            "best": best,
            "train": {"loss": progress.loss_total / count if count else 0.0},
            **{split: result.metrics for split, result in evaluations.items()},
            "runtime": {
                "seconds": round(progress.seconds, 3),
                "steps": progress.step,
                "samples_per_second": round(progress.examples / seconds, 3),
                "tokens_per_second": round(progress.tokens / seconds, 3),
                "peak_memory_bytes": peak_memory_bytes(),
            },
            "environment": {
                **versions(),
                **machine(),
                "device": str(self.accelerator.device),
                "precision": self.precision,
                "processes": self.accelerator.num_processes,
                "threads": torch.get_num_threads(),
            },
        }

    @property
    def _is_main(self) -> bool:
        return self.accelerator.is_main_process

    def _tell(self, event: Event) -> None:
        if not self._is_main:
            return
        stops: list[StopTraining] = []
        for listener in self._listeners:
            try:
                listener(event)
            except StopTraining as stop:
                stops.append(stop)
        if stops:
            raise stops[0]


class _Listening:
    """While active, a session's events also go to log.jsonl and the trackers."""

    def __init__(self, session: Session, *, append: bool) -> None:
        self._session, self._append = session, append
        self._opened: list[LogFile | Tracking] = []

    def __enter__(self) -> None:
        session = self._session
        assert session.folder is not None
        if session._is_main:
            self._opened.append(LogFile(session.folder.path, append=self._append))
        if session.recipe.train.trackers:
            flat = {".".join(path): str(v) for path, v in settings(session.recipe.model_dump())}
            self._opened.append(Tracking(session.accelerator, session.folder.path.name, flat))
        session._listeners += self._opened

    def __exit__(self, *_: object) -> None:
        for listener in self._opened:
            self._session._listeners.remove(listener)
            listener.close()
