"""Weak error of every optimizer's SDE against the optimizer, as steps get short."""
