"""Pieces of transformers in torch alone."""

from hfdl.nn.dropout import Dropout

__all__ = ["Dropout"]
