"""How a saved model makes one vector of a text: the files that sentence-transformers writes."""
