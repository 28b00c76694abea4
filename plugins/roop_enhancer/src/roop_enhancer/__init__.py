"""Face restoration for roop: GFPGAN and its like, the gfpgan package, and a level that needs no download."""
