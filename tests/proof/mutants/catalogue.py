"""All mutants, in the order of the table."""

from __future__ import annotations

from tests.proof.mutants import brummer, drain, sources, stage, store, threads, viewer
from tests.proof.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS: tuple[Mutant, ...] = (
    *brummer.MUTANTS,
    *stage.MUTANTS,
    *drain.MUTANTS,
    *threads.MUTANTS,
    *sources.MUTANTS,
    *store.MUTANTS,
    *viewer.MUTANTS,
)
