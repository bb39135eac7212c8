"""What has been seen since the file was written: evidence files held against a model, and what they did to it."""
