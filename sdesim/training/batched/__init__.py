"""Seeds of one small network trained side by side: one program for their stacked parameters."""
