"""Face analysis for roop: detector, dense landmarks, tracking, and what face plugins share."""
