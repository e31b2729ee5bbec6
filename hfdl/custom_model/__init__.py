"""A model of your own in transformers' place: ``model.class``, ``hfdl.train(model=)``."""
