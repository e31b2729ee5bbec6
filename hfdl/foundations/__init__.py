"""Neural networks in NumPy alone, from one neuron to a transformer block, written to be read.

Each layer's ``forward`` returns its own backward, defined right under the code that it
differentiates. A good order to read the modules in: ``neuron``, ``perceptron``, ``layer`` (the base
class), ``dense``, ``activations``, ``losses``, ``sequential``, ``optimizers``, ``fit``,
``gradcheck``, ``dropout``, ``batch_norm``, ``regularization``, ``summary``; in ``vision``
``convolution``, ``pooling``, ``augmentation``, ``photographs`` and ``autoencoder``; in
``recurrent`` ``rnn``, ``lstm``, ``gru``, ``recurrence``, ``bidirectional``, ``one_to_many`` and
``two_way_language_model``; in ``words`` ``embedding``, ``word2vec``, ``fasttext``, ``glove`` and
``vectors``; in ``transformer`` ``attention``, ``attention_layer``, ``multi_head``, ``layer_norm``
and ``transformer_block``. *The notes* are the course notes that the package grew out of: their
figures are reproduced, their slips are named.
The functions of ``neuron`` are imported from that module.

    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Dense(2, 8, rng=rng), Tanh(), Dense(8, 1, rng=rng))
    >>> adam = Adam(network.parameters(), 0.05)
    >>> fit(network, sigmoid_cross_entropy, xor(), optimizer=adam, epochs=200, batch_size=None)
"""

from hfdl.foundations.activations import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
)
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.fit import History, evaluate, fit
from hfdl.foundations.gradcheck import central_differences, check_layer
from hfdl.foundations.gradient_norms import deep_stack, gradient_norms
from hfdl.foundations.initialization import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    scaled_gaussian,
)
from hfdl.foundations.layer import Layer, Parameter
from hfdl.foundations.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    mae,
    mse,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from hfdl.foundations.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from hfdl.foundations.optimizers.base import exponential_average
from hfdl.foundations.perceptron import Perceptron
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gradient_through_time import gradient_through_time
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.one_to_many import OneToMany
from hfdl.foundations.recurrent.padded import PaddedSequential
from hfdl.foundations.recurrent.rnn import RNN
from hfdl.foundations.recurrent.sequences import LastStep, MeanOverTime
from hfdl.foundations.recurrent.two_way_language_model import (
    LayerMix,
    TwoWayLanguageModel,
    both_ways,
)
from hfdl.foundations.regularization import EarlyStopping, clip_by_norm, l1, l2
from hfdl.foundations.schedules import cosine_decay, linear_decay, warmup_cosine, warmup_linear
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.state import restore, state_of
from hfdl.foundations.summary import summary
from hfdl.foundations.toy_data import (
    bonuses,
    gaussian_points,
    hours_studied,
    logical_and,
    logical_or,
    spirals,
    xor,
)
from hfdl.foundations.transformer.attention_layer import ScaledDotProductAttention
from hfdl.foundations.transformer.feed_forward import FeedForward
from hfdl.foundations.transformer.layer_norm import LayerNorm
from hfdl.foundations.transformer.multi_head import MultiHeadAttention
from hfdl.foundations.transformer.positions import LearnedPositions, SinusoidalPositions, sinusoidal
from hfdl.foundations.transformer.transformer_block import PostNormBlock, PreNormBlock
from hfdl.foundations.vision.augmentation import augment
from hfdl.foundations.vision.autoencoder import Autoencoder, digits_autoencoder, masked
from hfdl.foundations.vision.convolution import Conv1d, Conv2d
from hfdl.foundations.vision.digits import digits_cnn, digits_mlp
from hfdl.foundations.vision.idx_files import load_mnist
from hfdl.foundations.vision.photographs import augment_photographs, normalized
from hfdl.foundations.vision.pooling import AvgPool2d, Flatten, MaxPool2d
from hfdl.foundations.vision.windows import output_size
from hfdl.foundations.words.analogies import read_analogies, score_analogies
from hfdl.foundations.words.embedding import Embedding
from hfdl.foundations.words.fasttext import train_fasttext
from hfdl.foundations.words.glove import train_glove
from hfdl.foundations.words.similarity import rate_similarity, read_rated_pairs
from hfdl.foundations.words.vectors import WordVectors
from hfdl.foundations.words.word2vec import train_word2vec

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "Autoencoder",
    "AvgPool2d",
    "BatchNorm",
    "Bidirectional",
    "Conv1d",
    "Conv2d",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "FeedForward",
    "Flatten",
    "History",
    "Identity",
    "LastStep",
    "Layer",
    "LayerMix",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "MaxPool2d",
    "MeanOverTime",
    "Momentum",
    "MultiHeadAttention",
    "Nesterov",
    "OneToMany",
    "Optimizer",
    "PaddedSequential",
    "Parameter",
    "Perceptron",
    "PostNormBlock",
    "PreNormBlock",
    "RMSProp",
    "ReLU",
    "ScaledDotProductAttention",
    "Sequential",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Stacked",
    "Step",
    "Tanh",
    "TwoWayLanguageModel",
    "WordVectors",
    "augment",
    "augment_photographs",
    "binary_cross_entropy",
    "bonuses",
    "both_ways",
    "categorical_cross_entropy",
    "central_differences",
    "check_layer",
    "clip_by_norm",
    "cosine_decay",
    "deep_stack",
    "digits_autoencoder",
    "digits_cnn",
    "digits_mlp",
    "evaluate",
    "exponential_average",
    "fit",
    "gaussian_points",
    "glorot_normal",
    "glorot_uniform",
    "gradient_norms",
    "gradient_through_time",
    "he_normal",
    "he_uniform",
    "hours_studied",
    "l1",
    "l2",
    "linear_decay",
    "load_mnist",
    "logical_and",
    "logical_or",
    "mae",
    "masked",
    "mse",
    "normalized",
    "output_size",
    "rate_similarity",
    "read_analogies",
    "read_rated_pairs",
    "restore",
    "scaled_gaussian",
    "score_analogies",
    "sigmoid_cross_entropy",
    "sinusoidal",
    "softmax_cross_entropy",
    "spirals",
    "state_of",
    "summary",
    "train_fasttext",
    "train_glove",
    "train_word2vec",
    "warmup_cosine",
    "warmup_linear",
    "xor",
]
