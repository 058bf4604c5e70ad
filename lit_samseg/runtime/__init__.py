"""The process itself: memory, threads, time, files, versions."""
