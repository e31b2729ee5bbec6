"""Word vectors: word2vec, GloVe, similarity and analogies."""
