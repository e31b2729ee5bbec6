"""Remedies that no case types, and why not."""

from __future__ import annotations

_PROCESSES = "it needs several processes, or one that is killed: tests/training/distributed"
_TOKENIZER = "it needs a tokenizer of several languages: tests/tasks/translation"
_MODEL = "no model that is made offline meets it"
_DAMAGE = "it needs a damaged or a foreign checkpoint: tests/training/test_resume.py"
_PIP = "it names a package; that there is such an extra is tested beside this table"

_HUB = "a stand-in of the Hub meets it: tests/hub/test_faults.py"
_SHARING = "a stand-in of the Hub meets it: tests/sharing"
_SERVER = "a server runs until it is stopped: tests/serving/test_command.py types it"
_OWN_MODEL = "a model of one's own meets it: tests/custom_model"

_CALIBRATED = "tests/calibration/test_calibrate.py meets it, and types it where it is a command"

_EXPORT = "an export takes seconds: tests/exporting meets it"

UNPROVOKED = {
    "exporting/refusals.py:check_format": _EXPORT,
    "exporting/refusals.py:check_output": _EXPORT,
    "exporting/refusals.py:no_such_task": _EXPORT,
    "exporting/refusals.py:no_int8": _EXPORT,
    "exporting/refusals.py:no_examples": "tests/exporting types it",
    "weights/graph_files.py:folder_of_graph": _EXPORT,
    "weights/graph_files.py:graph_alone": _EXPORT,
    "weights/graph_model.py:_refuse_other_graphs#2": _EXPORT,
    "quantization/convert.py:_refuse_unfit#2": "peft's object meets it: tests/quantization",
    "calibration/kept.py:read_kept": _CALIBRATED,
    "calibration/kept.py:read_kept#2": _CALIBRATED,
    "calibration/refusals.py:check_folder": _CALIBRATED,
    "calibration/refusals.py:check_folder#2": _CALIBRATED,
    "calibration/refusals.py:no_minimum": _CALIBRATED,
    "calibration/refusals.py:no_validation": _CALIBRATED,
    "calibration/refusals.py:not_calibrated": _CALIBRATED,
    "calibration/refusals.py:other_rows": _CALIBRATED,
    "calibration/weight_file.py:_is_same": _CALIBRATED,
    "differences/diff.py:_compared": "a task of one's own meets it",
    "differences/sides.py:column_values": _MODEL,
    "data/encode.py:read_template": "a task of one's own meets it: tests/docs/test_own_task.py",
    "demo/server.py:listen": "it needs a port that is taken: tests/demo/test_command.py",
    "demo/share.py:public_address": "it needs the network",
    "hf_models/load.py:_refuse_other_attention": "tests/laws/test_recorded_attention.py",
    "training/optimizers.py:make_optimizer": _OWN_MODEL,
    "config/load.py:take_model": _OWN_MODEL,
    "config/load.py:take_model#2": _OWN_MODEL,
    "config/load.py:take_model#3": _OWN_MODEL,
    "config/recorded_code.py:check_recorded": _OWN_MODEL,
    "config/recorded_code.py:refuse_code_inside": _OWN_MODEL,
    "custom_model/build.py:config_of": _OWN_MODEL,
    "custom_model/load.py:class_of_saved": _OWN_MODEL,
    "data/entities/type_names.py:unknown_to_model": "tests/data/entities types what it says",
    "tasks/own_model.py:_object": _OWN_MODEL,
    "tasks/own_model.py:_refuse_unfit": _OWN_MODEL,
    "tasks/own_model.py:_refuse_unfit#2": _OWN_MODEL,
    "tasks/own_model.py:own_source": _OWN_MODEL,
    "tasks/token_classification/model_tags.py:ModelTags.refuse_nameless": _MODEL,
    "tasks/token_classification/model_tags.py:ModelTags.write": _MODEL,
    "weights/pretrained.py:refuse_own_class": _OWN_MODEL,
    "cli/predicting/texts.py:_decode#2": "it is about what is piped in: tests/cli/test_cli.py",
    "custom_attention/calls.py:prove_attention": _MODEL,
    "custom_attention/recipe.py:attend_by": _MODEL,
    "custom_attention/switch.py:_check_taken": _MODEL,
    "custom_attention/trial.py:_refuse": _MODEL,
    "errors.py:MissingExtraError.__init__": _PIP,
    "hf_models/from_config.py:_unfit": _MODEL,
    "hf_models/load.py:_unknown": _MODEL,
    "interpret/attention_view.py:AttentionView._panel": "only a caller of its methods meets it",
    "runs/outputs.py:output_folder": _PROCESSES,
    "runs/own_metrics.py:try_metrics": "only an own task that takes no metrics meets it",
    "search/plan.py:_check_validation": "only a task of one's own has no validation split",
    "search/tune.py:_check_workers#2": "tests/search/test_workers.py types what it says",
    "tasks/language_modeling/causal_lm.py:how_to_keep_apart": _MODEL,
    "tasks/translation/languages.py:_no_pair": _TOKENIZER,
    "tasks/translation/languages.py:_of_tokens": _TOKENIZER,
    "tasks/translation/languages.py:_token_of": _TOKENIZER,
    "tasks/translation/task.py:Translation.untrained": _MODEL,
    "tasks/translation/task.py:start_token_id": _MODEL,
    "serving/address.py:_refusal": _SERVER,
    "serving/address.py:_refusal#2": "root may take any port",
    "serving/address.py:_refusal#3": _SERVER,
    "serving/address.py:listen": _SERVER,
    "serving/given_options.py:split_options": _SERVER,
    "training/backward.py:Backward._smaller": "out of memory: tests/training/test_memory.py",
    "training/checkpoint.py:Checkpoints.latest": _DAMAGE,
    "training/tensors.py:_misfit": "it needs a checkpoint of an earlier version",
    "training/checkpoint.py:Checkpoints.load_best": _DAMAGE,
    "training/distributed/launch.py:_killed": _PROCESSES,
    "training/plan.py:value_of": "only a metric that changes its names meets it",
    "training/distributed/heartbeat.py:lost_another": _PROCESSES,
    "training/state.py:TrainingState._check_untrained": "tests/tuning/test_freeze.py makes it",
    "weights/resolve.py:_fault#3": "the same remedy as that of weights/resolve.py:_fault",
    "weights/packaged.py:in_packages": _PIP,
    "weights/resolve.py:_on_hub#2": "tests/weights/test_resolve.py types the folder that it names",
    "weights/resolve.py:_on_hub#3": _PIP,
    "cli/push.py:_confirm": _SHARING,
    "config/recorded_code.py:_refuse_downloaded": _HUB,
    "data/readers/hub.py:read_hub": _HUB,
    "data/readers/hub.py:_unloaded": _HUB,
    "data/readers/hub.py:_none_of": _HUB,
    "hub/faults.py:_over_limit": _HUB,
    "sharing/choice.py:_check_included": _SHARING,
    "sharing/folder.py:_refuse_group": _SHARING,
    "sharing/folder.py:_refuse_unfinished": _SHARING,
    "sharing/prepared.py:_check": _SHARING,
    "sharing/prepared.py:_check#2": _SHARING,
    "weights/resolve.py:_on_hub": _HUB,
}
