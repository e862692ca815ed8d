"""Review of doubtful links (人工复核): the queue that people decide, and their decisions taken back."""
