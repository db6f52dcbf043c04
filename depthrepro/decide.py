"""`python -m depthrepro.decide`: further seeds where claims are open, until planned looks decide them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path

from filelock import FileLock, Timeout

from depthrepro.config.cli import one_line_errors
from depthrepro.config.identity import leaves_result_alone
from depthrepro.config.settings import help_text, number, setting, to_bool, to_count, to_folder
from depthrepro.config.settings import parse as parse_settings
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.report.__main__ import EXPERIMENTS
from depthrepro.report.paper import find_tables, load_paper

ALL = "all"


@dataclass(frozen=True)
class Settings:
    """Settings of the program.

    Attributes:
        tables: Names of tables.
        trainings: Settings that are passed on to every training.
    """

    tables: tuple[str, ...]
    trainings: tuple[str, ...]
    max_seeds: int = setting("looks at more seeds are not taken", 12, read=to_count)
    minutes: float = setting(
        "time: nothing is started that is forecast to end later", 150.0, read=number(0, above=True)
    )
    jobs: int = setting("trainings side by side, from two on with one thread each", 1, read=to_count)
    plan: bool = setting("true: say what is missing, and train nothing", False, read=to_bool)
    experiments: Path = setting(
        "folder with claims.csv and the tables (default: the checkout's)", EXPERIMENTS, read=to_folder
    )


USAGE = f"""Train further seeds of the rows whose claims are open, and put their results to those that are committed.

  python -m depthrepro.decide all plan=true          what is open, what is missing, how long it takes
  python -m depthrepro.decide garg_resolution        train until its claims are decided, 150 minutes at most
  python -m depthrepro.decide all jobs=2 minutes=480

{help_text(Settings)}

Settings of the trainings that change no result are passed on, such as trainer.device=cuda or logger=none.
"""


def parse(arguments: list[str]) -> Settings:
    """Read `<table ...|all> [key=value ...]`.

    Raises:
        UserError: If a table or a value does not exist, or a setting would change what is trained.
    """
    own = {field.name for field in fields(Settings)} - {"tables", "trainings"}
    settings = [word for word in arguments if word.partition("=")[0] in own]
    further = [word for word in arguments if "=" in word and word not in settings]
    for word in further:
        if not leaves_result_alone(word):
            raise UserError(
                f"{word} is no setting, or would change what is trained{did_you_mean(word.split('=')[0], own)}"
            )
    typed = tuple(dict.fromkeys(word for word in arguments if "=" not in word))
    found = parse_settings(Settings, settings, "depthrepro.decide", tables=typed, trainings=tuple(further))
    known = find_tables(found.experiments)
    if not typed:
        raise UserError(f"which table? Type all, or some of {', '.join(known)}")
    for name in typed:
        if name not in (*known, ALL):
            raise UserError(f"no table is called {name!r}{did_you_mean(name, [*known, ALL])}")
    return found


def run(settings: Settings) -> int:
    """Plan, train, decide; 0, 1 if a training failed, or 128 + the signal that stopped it."""
    lock = FileLock(settings.experiments / ".decide.lock", timeout=0)
    try:
        with lock:
            return _decide(settings)
    except Timeout:
        raise UserError(f"{settings.experiments}: another decide is at work there") from None


def _decide(settings: Settings) -> int:
    from depthrepro.campaign.campaign import Campaign  # with the data readers, which load torch
    from depthrepro.campaign.work import Workers
    from depthrepro.config.register import register_schema

    register_schema()
    known = [load_paper(settings.experiments / name / "paper.yaml") for name in find_tables(settings.experiments)]
    names = [table.name for table in known] if ALL in settings.tables else list(settings.tables)
    how = {"max_seeds": settings.max_seeds, "settings": settings.trainings, "write": not settings.plan}
    campaign = Campaign(settings.experiments, known, names, **how)  # type: ignore[arg-type]
    print("\n".join(campaign.plan_in_words(settings.jobs)), flush=True)
    if settings.plan:
        return 0
    workers = Workers(settings.jobs, 60 * settings.minutes, campaign.whole, campaign.row_of)
    for training in workers.finished(campaign.due):
        try:
            for line in campaign.add(training):
                print(line, flush=True)
        except UserError as error:
            workers.fail(training, str(error))
    left = campaign.due()
    if workers.failed:
        print(f"failed     {', '.join(workers.failed.values())}: the same command tries them again")
    elif left:
        print(f"missing    {len(left)} runs to the next looks: the same command goes on")
    print("tables     python -m depthrepro.report source=committed commit=true draws them anew", flush=True)
    return 128 + workers.stopped_by if workers.stopped_by else int(bool(workers.failed))


def main(arguments: list[str] | None = None) -> int:
    """As `run`; --help."""
    words = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(words):
        print(USAGE, end="")
        return 0
    return run(parse(words))


if __name__ == "__main__":
    one_line_errors(lambda: sys.exit(main()))
