"""The pages where a person sees the worklist, a study and the queue."""
