"""A set in the format of TensorFlow Datasets, of 20 digits."""
