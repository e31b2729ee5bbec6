"""TaskSpec of token classification."""

from hfdl.tasks.spec import LONG_TEXTS, Card, TaskSpec

SPEC = TaskSpec(
    name="token_classification",
    implementation="hfdl.tasks.token_classification.task:TokenClassification",
    aliases=("ner", "token-classification"),
    recipe="ner",
    paired="hfdl.tasks.token_classification.paired:example_figures",
    hub_task="token-classification",
    architectures=("ForTokenClassification",),
    pipeline="hfdl.pipelines.token_classification.pipeline:TokenClassificationPipeline",
    panel="hfdl.demo.panels.entities:EntitiesPanel",
    default_model="dbmdz/bert-large-cased-finetuned-conll03-english",
    examiner="hfdl.data.checks.tags:check_tags",
    reads_words=True,
    rows="entities",
    without_top_k="here each word gets the one that fits its neighbours",
    sections=(
        "hfdl.report.sections.entities:build_table",
        "hfdl.report.sections.entities:build_examples",
        "hfdl.report.sections.calibration:build",
    ),
    limitations="hfdl.report.limitations:of_entities",
    summary="finds entities in a text and says of what type each is",
    meaning="Precision, recall and F1 are of whole entities, all types together (micro average): "
    "right is an entity whose first word, last word and type are right. Accuracy is the share of "
    "words with the right tag; most words are outside of any entity.",
    long_texts={
        **LONG_TEXTS,
        "truncate": "words of a longer text beyond that are said to be in no entity",
        "window": "a longer text is read in windows that overlap, and each word is judged in the "
        "one that shows most around it",
    },
    long_text="window",
    card=Card(
        arguments=', aggregation_strategy="first"',
        own_arguments=', aggregation_strategy="viterbi"',
        labels="Tags",
    ),
)
