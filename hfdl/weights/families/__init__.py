"""One module a model family: config translation and tensor names."""
