"""Real programs that thoraxd talks to, each started on free ports with a folder of its own and stopped by its pid."""
