"""What each parameter of a request means, in a sentence: for /docs and /openapi.json."""

from __future__ import annotations

from hfdl.pipelines.call_form import CallForm

_DRAWN = "With do_sample: "
_OF_CLASSIFIERS = {
    "top_k": "How many labels, the likeliest first; null: all of them.",
    "function_to_apply": "softmax, sigmoid or none: what makes scores of the logits. Default: what "
    "the model is for.",
    "threshold": "Of a model of several labels: the score from which on one is given, for all or "
    "by label. Default: the model's.",
    "long_text": "truncate, head_tail, window or error: what becomes of a text longer than the "
    "model. Default: the run's; window where there is none.",
    "max_length": "Longest text in tokens, special ones included. Default: the run's, else the "
    "model's.",
    "truncation": "true: long_text=truncate.",
}
_OF_TOKENS = {
    "aggregation_strategy": "none: an answer a token. simple, first, average or max: spans, as "
    "transformers has them. viterbi: the likeliest tags that may follow each other.",
    "ignore_labels": 'Tags, or types of spans, that are left out. Default: ["O"].',
    "stride": "Tokens that neighbouring windows of a long text share.",
    "is_split_into_words": "An input is a list of words.",
    "delimiter": "With is_split_into_words: what joins the words. Default: a blank.",
}
_OF_MASKS = {
    "top_k": "How many answers a mask gets, the likeliest first.",
    "targets": "The words to choose from. Default: the whole vocabulary.",
    "joint": "Several masks are filled to fit each other.",
    "num_beams": "With joint: how many ways are followed.",
}
_OF_ZERO_SHOT = {
    "candidate_labels": "The labels: a list, or one text with commas between them.",
    "hypothesis_template": "The sentence that a label is put into, at its {}.",
    "multi_label": "true: each label is judged by itself. Else the scores add up to 1.",
}
_OF_WRITERS = {
    "max_new_tokens": "Most tokens to write.",
    "min_new_tokens": "Fewest tokens to write.",
    "min_length": "As min_new_tokens, the prompt counted too.",
    "num_beams": "Above 1: beam search with so many.",
    "do_sample": "Draw each token. Else the likeliest is taken.",
    "temperature": _DRAWN + "below 1 surer, above 1 more varied.",
    "top_k": _DRAWN + "of the k likeliest tokens.",
    "top_p": _DRAWN + "of the likeliest tokens that hold this share, 0 to 1.",
    "min_p": _DRAWN + "of tokens with this share, 0 to 1, of the likeliest one's probability.",
    "typical_p": _DRAWN + "of the most typical tokens that hold this share, 0 to 1.",
    "top_h": _DRAWN + "of tokens within this share, 0 to 1, of the entropy.",
    "epsilon_cutoff": _DRAWN + "of tokens with this probability at least.",
    "eta_cutoff": _DRAWN + "of tokens above a cutoff that falls with the entropy.",
    "num_return_sequences": "How many texts: with do_sample, or up to num_beams.",
    "length_penalty": "With beams: above 0 longer texts, below 0 shorter ones.",
    "early_stopping": "With beams: true, false or never: when to end.",
    "repetition_penalty": "Above 1: tokens that occurred become less likely.",
    "encoder_repetition_penalty": "Above 1: tokens of the source become more likely.",
    "no_repeat_ngram_size": "No n-gram of this size twice; 0: any.",
    "encoder_no_repeat_ngram_size": "No n-gram of this size of the source's; 0: any.",
    "bad_words_ids": "Sequences of ids that are not written.",
    "sequence_bias": "Pairs: a sequence of ids, and what is added to its last one's score.",
    "forced_bos_token_id": "The id of the first token.",
    "forced_eos_token_id": "The id, or ids, of the last token of the longest text.",
    "suppress_tokens": "Ids that are not written.",
    "begin_suppress_tokens": "Ids that are not written first.",
    "exponential_decay_length_penalty": "A pair (start, factor): behind so many tokens an end "
    "becomes likelier by the factor with each.",
    "renormalize_logits": "Make the processed scores log-probabilities again.",
    "remove_invalid_values": "NaN becomes 0, and infinities finite.",
    "return_scores": "Answer score, token_ids and token_log_probs too.",
    "seed": "Of the draws.",
    "stop": "A text, or several, at which the writing ends; it is cut off.",
    "return_full_text": "true: the prompt stands before what was written. Default: true.",
    "src_lang": "The language of the text, by the model's code.",
    "tgt_lang": "The language to write, by the model's code.",
}
_OTHERS = {**_OF_TOKENS, **_OF_ZERO_SHOT, **_OF_CLASSIFIERS}
_OF_VECTORS = {
    "truncation": "false: a text longer than the model is an error. Default: it is cut.",
}


def option_words(pipe: type[CallForm] | CallForm, name: str) -> str | None:
    """What an option of a pipeline's call means; None: of one that is somebody's own."""
    options = pipe.call_options()
    if "max_new_tokens" in options:
        return _OF_WRITERS.get(name)
    if "joint" in options:
        return _OF_MASKS.get(name)
    return (_OTHERS if "long_text" in options else {**_OTHERS, **_OF_VECTORS}).get(name)
