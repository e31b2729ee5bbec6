"""A learned vocabulary loses nothing and is the same wherever it is learned."""

from __future__ import annotations

import subprocess
import sys

from hfdl.data.train_tokenizer import learn_bpe


def test_the_vocabulary_is_the_same_in_every_process() -> None:
    code = (
        "from hfdl.data.train_tokenizer import learn_bpe\n"
        "texts = [f'{w} {w}er ein Häuschen {i % 7}' for i, w in enumerate('abcdefgh' * 30)]\n"
        "print(learn_bpe(texts, 300).backend_tokenizer.to_str())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 3000


def test_a_learned_tokenizer_reads_any_text_back() -> None:
    tokenizer = learn_bpe([f"the word {i}" for i in range(20)], 300)
    assert len(tokenizer) <= 300
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    for text in ["the word", "Tür  und 日本\n", "<b>&", "'s"]:
        ids = tokenizer(text)["input_ids"]
        assert ids[-1] == 2
        assert tokenizer.decode(ids, skip_special_tokens=True).removeprefix(" ") == text
    # A word is one piece wherever it stands.
    word = tokenizer("word", add_special_tokens=False)["input_ids"]
    assert tokenizer("the word", add_special_tokens=False)["input_ids"][-1:] == word
