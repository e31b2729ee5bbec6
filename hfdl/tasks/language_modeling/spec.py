"""TaskSpecs of the two language modelling tasks."""

from hfdl.tasks.spec import LONG_TEXTS, Card, TaskSpec

_PIECES = dict.fromkeys(LONG_TEXTS, "a longer text is read piece by piece")
_SECTIONS = (
    "hfdl.report.sections.language:build_samples",
    "hfdl.report.sections.language:build_tokens",
    "hfdl.report.sections.language:build_examples",
)
_NO_TEMPERATURE = (
    "its answers are tokens: how surely they are drawn is said at each use (temperature), and its "
    "last layer is often that of its embeddings"
)
_ERRORS = frozenset({"perplexity", "strided_perplexity", "bits_per_byte"})

CAUSAL_LM = TaskSpec(
    name="causal_lm",
    implementation="hfdl.tasks.language_modeling.causal_lm:CausalLM",
    aliases=("clm", "text-generation"),
    recipe="clm",
    hub_task="text-generation",
    architectures=("ForCausalLM", "LMHeadModel"),
    pipeline="hfdl.pipelines.text_generation:TextGenerationPipeline",
    panel="hfdl.demo.panels.writing:ContinuationPanel",
    default_model="openai-community/gpt2",
    examiner="hfdl.data.checks.corpus:check_corpus",
    rows="texts",
    without_top_k="a text that is written has none",
    smaller_is_better=_ERRORS,
    sections=_SECTIONS,
    title="Language model",
    summary="continues a text, token by token",
    meaning="Each token is predicted from those before it. Perplexity is e to the loss: the model "
    "is as uncertain as if choosing among that many equally likely tokens. It depends on the "
    "tokenizer; bits per byte does not, and can be compared between models.",
    long_texts=_PIECES,
    long_text="window",
    card=Card(generates=True),
    paired="hfdl.tasks.language_modeling.paired:example_figures",
    no_temperature=_NO_TEMPERATURE,
)
MASKED_LM = TaskSpec(
    name="masked_lm",
    implementation="hfdl.tasks.language_modeling.masked_lm:MaskedLM",
    aliases=("mlm", "fill-mask"),
    recipe="mlm",
    hub_task="fill-mask",
    architectures=("ForMaskedLM",),
    pipeline="hfdl.pipelines.fill_mask.pipeline:FillMaskPipeline",
    panel="hfdl.demo.panels.masks:MasksPanel",
    default_model="distilbert/distilroberta-base",
    examiner="hfdl.data.checks.corpus:check_corpus",
    rows="texts",
    smaller_is_better=_ERRORS,
    sections=_SECTIONS,
    title="Masked language model",
    summary="predicts the masked tokens of a text",
    meaning="Loss, perplexity and accuracy are of the masked tokens, each predicted from the text "
    "on both sides of it. Perplexity is e to the loss: the model is as uncertain as if choosing "
    "among that many equally likely tokens. It can be compared between models that have the same "
    "tokenizer and the same tokens masked: with one seed.",
    long_texts=_PIECES,
    long_text="window",
    card=Card(
        call='f"a text with a {pipe.tokenizer.mask_token} of yours"',
        example="a text with a {mask} of yours",
    ),
    paired="hfdl.tasks.language_modeling.paired:example_figures",
    no_temperature=_NO_TEMPERATURE,
)
