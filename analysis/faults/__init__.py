"""Full disks, folders that can't be written, homes that are not there: what every verb says of them."""
