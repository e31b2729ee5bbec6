"""Where Hugging Face's names and folders meet ours."""
