"""Trainings where claims are open: `python -m depthrepro.decide`.

- `rows.py`: a table's row as it would be trained here and now: recipe, data sets, what must be there before;
- `book.py`: the committed results: what is there, what a finished run adds, what follows for the claims;
- `plan.py`: which trainings are missing, in which order (pure functions);
- `work.py`: the processes that train, side by side, within a time limit.
"""
