"""TaskSpec of text classification."""

from hfdl.tasks.spec import TaskSpec

SPEC = TaskSpec(
    name="text_classification",
    implementation="hfdl.tasks.text_classification.task:TextClassification",
    aliases=("sentiment", "sentiment-analysis", "text-classification"),
    recipe="sentiment",
    paired="hfdl.tasks.text_classification.paired:example_figures",
    hub_task="text-classification",
    architectures=("ForSequenceClassification",),
    pipeline="hfdl.pipelines.text_classification:TextClassificationPipeline",
    panel="hfdl.demo.panels.labels:LabelsPanel",
    default_model="distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    smaller_is_better=frozenset({"mse", "mae"}),
    sections=(
        "hfdl.report.sections.labels:build_table",
        "hfdl.report.sections.labels:build_confusion",
        "hfdl.report.sections.calibration:build",
        "hfdl.report.sections.regression:build",
        "hfdl.report.sections.examples:build",
        "hfdl.report.sections.suspects:build",
    ),
)
