"""The claims of tables with their rows: what is open, what would be trained for it, what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from depthrepro.campaign.book import Book
from depthrepro.campaign.plan import Question, Side, Training, missing, most, next_look, plan
from depthrepro.campaign.rows import Row, Scored, data_variables
from depthrepro.config.cli import mistakes, readable
from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.core.progress import duration
from depthrepro.report.claim_words import numbers, sentence
from depthrepro.report.claims import NO_SCORES, SEEDS_CANNOT, UNMEASURED, Verdict
from depthrepro.report.claims_file import AskedClaim, Key, read_claims
from depthrepro.report.looks import parse_looks
from depthrepro.report.paper import PaperTable
from depthrepro.report.verdict import UNDECIDED

_UNKNOWN_S, _AROUND_S = 300.0, 20.0  # a training of unknown length; start and scoring of any


class Campaign:
    """Everything that is asked of some tables.

    Args:
        experiments: Folder of claims.csv and of the tables' folders.
        known: All tables there.
        names: Those whose claims are to be decided.
        max_seeds: No look at more seeds is taken.
        settings: Further settings of each training, none of which changes a result.
        write: Whether to write what changes in the tables' folders.
    """

    def __init__(
        self,
        experiments: Path,
        known: Sequence[PaperTable],
        names: Sequence[str],
        *,
        max_seeds: int,
        settings: Sequence[str] = (),
        write: bool = True,
    ) -> None:
        self._tables = {table.name: table for table in known if table.name in names}
        self._asked = read_claims(experiments)
        self._claims = {key: one for key, one in self._asked.items() if one.table in names}
        self._max_seeds, self._settings, self._variables = max_seeds, list(settings), data_variables()
        self.notes: list[str] = []
        self._row = cache(self._make_row)
        self.rows: dict[Key, list[tuple[Row, list[Scored]]]] = {}
        for key, one in self._claims.items():
            if (sides := self._sides(one)) is not None:
                self.rows[key] = sides
        self._by_key = {(row.recipe, row.experiment): row for sides in self.rows.values() for row, _ in sides}
        self.book = Book(experiments, known, write=write)
        self.book.name_recipes(self._by_key.values())
        self._adopt()
        self._verdicts: dict[Key, Verdict] = {}
        self._state: dict[Key, tuple[str, int]] = {}
        self.news(list(self._tables))

    def _make_row(self, experiment: str, hidden: tuple[str, ...]) -> Row | None:
        try:
            return Row(experiment, self._settings, hidden)
        except mistakes() as error:
            if not hidden:
                self.notes.append(f"{experiment} cannot be composed: {readable(error, [])}")
            return None

    def _sides(self, one: AskedClaim) -> list[tuple[Row, list[Scored]]] | None:
        """The trained rows of a claim with the data sets that it is decided on; None: it cannot be measured here."""
        table = self._tables[one.table]
        claim = next(claim for claim in table.claims if claim.text == one.claim)
        sides = []
        for name in (claim.better, claim.worse):
            row = table.row(name)
            if row is None or (row.ours is not None and row.ours.baseline):
                continue
            found = self._find(table, row.ours.experiment if row.ours else (), one.data)
            if found is None:
                return None
            sides.append(found)
        if not sides:  # two baselines, which any training brings
            found = self._find(table, table.experiments, one.data)
            return None if found is None else [found]
        return sides

    def _find(self, table: PaperTable, experiments: Sequence[str], data: str) -> tuple[Row, list[Scored]] | None:
        """The first experiment that is scored on a data set: on the real data that are given, else on synthetic."""
        members = table.pools.get(data, (data,))
        for hidden in ((), self._variables):
            for experiment in experiments:
                row = self._row(experiment, hidden)
                sets = [row.sets.get(name) for name in members] if row else []
                found = [one for one in sets if one is not None and table.measures(experiment, one.test)]
                if row is not None and len(found) == len(members):
                    return row, found
        return None

    def _adopt(self) -> None:
        """Take over seeds that stand in another table, or under another name, as the same recipe."""
        asked = set()
        for question, key in zip(self.questions(), self.rows, strict=True):
            for training in missing(question):
                row, sets = next((r, s) for r, s in self.rows[key] if r.experiment == training.experiment)
                one = (question.table, training, *(scored.data for scored in sets))
                if one not in asked:  # a row stands in several claims
                    asked.add(one)
                    self.book.adopt(question.table, row, training.seed, sets)

    def questions(self) -> list[Question]:
        """Every claim that can be measured here, in the order of claims.csv."""
        return [self._question(key) for key in self.rows]

    def _question(self, key: Key) -> Question:
        one, verdict = self._claims[key], getattr(self, "_verdicts", {}).get(key)
        looks = tuple(look.seeds for look in parse_looks(one.looks) if look.seeds <= self._max_seeds)
        unscored = verdict is not None and verdict.reason == NO_SCORES
        sides = tuple(
            Side(row.recipe, row.experiment, row.here, {} if unscored else self.book.seeds(one.table, row, sets))
            for row, sets in self.rows[key]
        )
        question = Question(_label(one), one.table, one.photographs, looks, sides)
        return replace(question, closed=self._why_closed(question, verdict))

    def _why_closed(self, question: Question, verdict: Verdict | None) -> str:
        if verdict is not None and verdict.verdict not in (UNDECIDED, UNMEASURED):
            return verdict.verdict
        if verdict is not None and verdict.reason.startswith(SEEDS_CANNOT):
            return verdict.reason
        return "" if next_look(question) else "no further look is planned"

    def due(self) -> list[Training]:
        """What is missing up to each open claim's next look, most urgent first."""
        return plan(self.questions(), self.forecast)

    def row_of(self, training: Training) -> Row:
        """The row that a training belongs to."""
        return self._by_key[training.recipe, training.experiment]

    def forecast(self, training: Training) -> float:
        """Seconds that a training takes, by those that are there."""
        row = self.row_of(training)
        if row.is_done(training.seed):
            return _AROUND_S
        return self._seconds(row)

    def whole(self, training: Training) -> float:
        """Seconds until it is done, with what is to be trained before."""
        before = self._before(self.row_of(training), training.seed)
        return self.forecast(training) + sum(self._seconds(row) for row, _ in dict.fromkeys(before))

    def _seconds(self, row: Row) -> float:
        known = self.book.seconds(row)
        return (_UNKNOWN_S if known is None else known) + _AROUND_S

    def _before(self, row: Row, seed: int) -> list[tuple[Row, int]]:
        """Runs that are to be trained before."""
        if row.is_done(seed):
            return []
        return [one for other, n in row.needs(seed) for one in [*self._before(other, n), (other, n)]]

    def add(self, training: Training) -> list[str]:
        """Put a finished training to the committed results; a line for each claim that was looked at.

        Raises:
            UserError: If the run has no scores, or a file of it is damaged.
        """
        row = self.row_of(training)
        run = row.run(training.seed)
        if not self.book.add(run.path, row.run_name(training.seed)):
            raise UserError(f"{run.path} has no scores that a table shows")
        self._adopt()
        fed, self.book.changed = self.book.changed, set()
        return self.news([name for name in self._tables if name in fed])

    def news(self, tables: Sequence[str]) -> list[str]:
        """Decide the claims again; a line for each that was looked at since the last time."""
        for name in tables:
            mine = {key: sides for key, sides in self.rows.items() if key[0] == name}
            both = [side for sides in mine.values() for side in sides]
            today = {(row.recipe, one.data, one.fingerprint) for row, sets in both for one in sets}
            scale = next((row.scale for row, _ in both), "")
            found = self.book.verdicts(name, today, scale, self._asked)
            self._verdicts |= {key: verdict for key, verdict in found.items() if key in mine}
        lines = []
        for key in self.rows:
            verdict, state = self._verdicts.get(key), self._look(key)
            if verdict is not None and verdict.interval is not None and state[1] and state != self._state.get(key):
                lines.append(_line(self._claims[key], verdict))
            self._state[key] = state
        return lines

    def _look(self, key: Key) -> tuple[str, int]:
        """(verdict, seeds that were looked at)."""
        verdict, question = self._verdicts.get(key), self._question(key)
        if verdict is None:
            return "", 0
        reached = [look for look in question.looks if look <= len(verdict.seeds)]
        return verdict.verdict, max(reached, default=0)

    def plan_in_words(self, jobs: int) -> list[str]:
        """The plan: a line for each table, and the sum."""
        questions, lines = self.questions(), [f"note       {note}" for note in self.notes]
        for name in self._tables:
            asked = [key for key in self._claims if key[0] == name]
            mine = [one for one in questions if one.table == name]
            is_open = [one for one in mine if not one.closed]
            parts = [f"{len(is_open)} of {len(asked)} claims open"]
            if len(mine) < len(asked):
                parts.append(f"{len(asked) - len(mine)} without data here")
            parts.append(self._cost(plan(mine, self.forecast), jobs))
            lines.append(f"{name}: {', '.join(parts)}")
        total = f"to the next looks {self._cost(self.due(), jobs)}"
        return [*lines, f"{total}; if nothing is decided before the last look, {self._cost(most(questions), jobs)}"]

    def _cost(self, trainings: Sequence[Training], jobs: int) -> str:
        if not trainings:
            return "nothing to train"
        before = {
            (row.recipe, seed): row
            for training in trainings
            for row, seed in self._before(self.row_of(training), training.seed)
        }
        seconds = (sum(map(self.forecast, trainings)) + sum(map(self._seconds, before.values()))) / jobs
        return f"{len(trainings)} run{'s' if len(trainings) != 1 else ''}, {duration(seconds)}"


def _label(one: AskedClaim) -> str:
    return f"{one.table} · {one.claim} · {METRICS[one.metric].label} · {one.data}"


def _line(one: AskedClaim, verdict: Verdict) -> str:
    """One decision in a line."""
    difference, low, high = numbers(verdict)
    count = len(verdict.seeds)
    seeds = f"{count} seed{'s' if count != 1 else ''}"
    return f"{_label(one)}: {sentence(verdict)} after {seeds} ({difference}, {low} to {high})"
