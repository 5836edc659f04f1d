"""The CPU engine: the network as ONNX graphs, run by ONNX Runtime."""
