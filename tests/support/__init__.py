"""What the tests share: models and questions, the reference that they are held against, and how commands are run."""
