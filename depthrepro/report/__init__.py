"""From run directories and published numbers to tables, plots and panels: `python -m depthrepro.report`.

Reads files only. Nothing here imports torch or mlflow, so a report starts in a second on any machine.
"""
