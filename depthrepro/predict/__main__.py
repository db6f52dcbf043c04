"""`python -m depthrepro.predict`: depth for a person's own images, folders and videos."""

from __future__ import annotations

import sys

from depthrepro.config.cli import one_line_errors
from depthrepro.predict.settings import USAGE, Settings, parse


def run(settings: Settings) -> int:
    """Predict; 0 if everything was written, 1 if an image failed.

    Raises:
        UserError: If nothing can be predicted with these settings.
    """
    from depthrepro.predict.inputs import find_inputs  # torch takes 1.3 s

    inputs = find_inputs(settings.input, settings.output)  # before torch is imported: a wrong path is told at once

    from depthrepro.predict.folder import FolderJob  # torch takes 1.3 s
    from depthrepro.predict.job import Job
    from depthrepro.predict.loading import load_network
    from depthrepro.predict.predictor import Predictor
    from depthrepro.predict.video import VideoJob

    network = load_network(settings.checkpoint, settings.device, settings.level, settings.precision)
    job = Job(settings, Predictor(network))
    transform = network.transform
    about = f"{type(network.model).__name__}, {network.kind.unit} ({network.kind.near_is} = near)"
    shape = f"{transform.height}x{transform.width}" + (" with the aspect kept" if transform.keep_aspect else "")
    print(f"network    {about}, input {shape}, {network.device}, {network.precision.value}", flush=True)
    return VideoJob(job, inputs.video).run() if inputs.video else FolderJob(job, inputs).run()


def main() -> None:
    """Read the command line and predict."""
    if not sys.argv[1:] or any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(USAGE, end="")
        return
    sys.exit(run(parse(sys.argv[1:])))


if __name__ == "__main__":
    one_line_errors(main)
