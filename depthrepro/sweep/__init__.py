"""Sweeps that hold: `python -m depthrepro.train -m '+experiment/<table>=glob(*)' 'seed=range(0,3)'`.

Hydra parses the command and its launchers start the jobs; between the two stands its sweeper, this package:

- `plugins.py`: makes ours Hydra's sweeper (hydra_plugins/depthrepro_sweeper.py) and sets its launchers' defaults;
- `launch.py`: from the command to the end: plan, save, and have Hydra's launcher start the saved jobs;
- `plan.py`: the jobs, every one composed and checked before anything trains;
- `composer.py`: a job's configuration, what many share composed once;
- `folder.py`: the files in runs/.sweeps/<name>-<hash>/: sweep.json, jobs/<nn>.yaml, .log and .json;
- `start.py`: the launcher's task for each job: a process of its own, and a line at its start and end;
- `job.py`: that process: loads the saved configuration, trains, and stops when its sweep does;
- `session.py`: the sweep as a whole: its lock, its run in MLflow, signals, the list at the end.
"""
