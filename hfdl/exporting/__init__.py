"""Exporting a trained model as a graph in ONNX, checked against the model before it is written."""
