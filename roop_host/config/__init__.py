"""What a run is told outside its job: files, variables and flags, their order, and the job that they make."""
