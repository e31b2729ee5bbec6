"""How cost grows with the number of examples, the size of a corpus, the length of a text."""
