"""Are forecasts of training calibrated, and how far ahead?"""
