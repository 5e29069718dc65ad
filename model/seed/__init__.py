"""The seed's own detector: isolated crops, maximum pooling, five modes; for comparison, nothing here is shipped."""
