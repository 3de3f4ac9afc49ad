"""The peers that Landbridge is measured beside, one file each."""
