"""Named entities: tags, spans, alignment to tokens, windows and decoding."""
