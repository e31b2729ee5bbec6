"""Tasks: what the training loop asks for, and the tasks that hfdl has."""
