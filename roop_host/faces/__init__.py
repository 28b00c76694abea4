"""People: faces in order, left out, compared, merged and kept under a name. No plugin and no job is needed for it."""
