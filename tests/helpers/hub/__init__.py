"""A stand-in of the Hugging Face Hub: what huggingface_hub asks of it, answered on loopback."""
