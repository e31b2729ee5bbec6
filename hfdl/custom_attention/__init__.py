"""Run your own attention function inside a pretrained model, transformers' or hfdl's."""
