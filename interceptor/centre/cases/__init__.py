"""Alerts that police, banks and carriers handle together.

`opening` begins a case or joins one, `timeline` is what everybody does in it, `officers` who works on it, `acts` what
he does, `judging` what rules learn from it, `reading` what is shown. `system` is on duty.
"""
