"""TaskSpec of translation."""

from hfdl.tasks.spec import LONG_TEXTS, Card, TaskSpec

SPEC = TaskSpec(
    name="translation",
    implementation="hfdl.tasks.translation.task:Translation",
    recipe="translation",
    paired="hfdl.tasks.translation.paired:example_figures",
    hub_task="translation",
    architectures=("ForConditionalGeneration", "MTModel"),
    pipeline="hfdl.pipelines.translation:TranslationPipeline",
    panel="hfdl.demo.panels.writing:SourcePanel",
    examiner="hfdl.data.checks.pairs:check_pairs",
    rows="pairs",
    without_top_k="a translation has none",
    smaller_is_better=frozenset({"perplexity"}),
    sections=("hfdl.report.sections.language:build_translations",),
    summary="translates a text",
    meaning="BLEU and chrF are of what the model wrote by itself, the likeliest token at each step "
    "unless its generation_config.json says otherwise{signature}. Accuracy, perplexity and loss "
    "are of the reference's tokens, each given those before it.",
    long_texts={name: LONG_TEXTS[name] for name in ("truncate", "error")},
    card=Card(in_transformers=False),
    no_temperature="its answers are texts that are searched for, not labels with a probability",
)
