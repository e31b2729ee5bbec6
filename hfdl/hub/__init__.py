"""The Hugging Face Hub: names of repositories, uploads and downloads, and its refusals in words."""
