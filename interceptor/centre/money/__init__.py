"""Emergency stops, freezes, money that goes back.

`terms` has the law's times, `books` what is known of payments and accounts, `alerts` victims' reports, `matching`
whether they fit the books; `stops` is one stop, `stopping`, `freezing`, `returning` and `tainting` what is done with
it, `reading` what is shown. `system` is on duty.
"""
