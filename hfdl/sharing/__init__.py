"""What of a run is shown to others, and pushing it to the Hugging Face Hub."""
