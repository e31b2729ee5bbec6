"""Your own attention function inside a model, transformers' or hfdl's."""
