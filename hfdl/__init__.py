"""hfdl: from-scratch transformers that equal the pretrained ones, and fine-tuning on one loop."""
