"""The statistics bulletin: what a day, a week, a month came to, beside the time before and the year before."""
