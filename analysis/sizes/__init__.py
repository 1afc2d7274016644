"""What runs were said to take, beside what they took."""
