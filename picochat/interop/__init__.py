"""Models of other programs, read and written; graphs for ONNX Runtime."""
