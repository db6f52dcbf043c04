"""Sweeps that hold: `python -m depthrepro.train -m '+experiment/<table>=glob(*)' 'seed=range(0,3)'`.

Hydra parses the command and its launchers start the jobs; between the two stands this package:

- `callback.py`: called by Hydra before the first job and after the last; everything below hangs on it;
- `plan.py`: which jobs there are, every one composed and checked before anything trains;
- `folder.py`: what a sweep leaves in runs/.sweeps/<name>-<hash>/: sweep.json, jobs/<nn>.yaml, .log and .json;
- `hydra_glue.py`: makes Hydra launch the saved jobs instead of composing conf/ again;
- `start.py`: what a launcher calls for each job: a process of its own, and a line at its start and end;
- `job.py`: that process: loads the saved configuration, trains, and stops when its sweep does;
- `session.py`: the sweep as a whole: its lock, its run in MLflow, signals, the list at the end.
"""
