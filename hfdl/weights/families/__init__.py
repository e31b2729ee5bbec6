"""One module for each model family: config translation, tensor names, registration.

To add a family, write its module and name it here.
"""

from hfdl.weights.families import (
    albert,
    bert,
    distilbert,
    electra,
    gpt2,
    llama,
    modernbert,
    roberta,
)

__all__ = ["albert", "bert", "distilbert", "electra", "gpt2", "llama", "modernbert", "roberta"]
