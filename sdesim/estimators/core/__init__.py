"""What estimators share: draws reduced to sums, intervals, laws."""
