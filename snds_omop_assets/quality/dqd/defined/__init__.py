"""What each type of check calls violated, one file per kind of thing that is looked at."""
