"""What can be measured from a run's contents."""
