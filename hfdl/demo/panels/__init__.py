"""The pages of hfdl's own tasks, one module for each kind of answer."""
