"""A set in the format of TensorFlow Datasets, of three texts."""
