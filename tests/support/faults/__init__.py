"""Single faults to be seeded into valid objects; `MUTATIONS` is the whole table."""

from tests.support.faults import agreement, anywhere, documents, others, presentation, templates
from tests.support.faults.mutation import Mutation, reread

__all__ = ["MUTATIONS", "Mutation", "reread"]

MUTATIONS: tuple[Mutation, ...] = (
    *anywhere.MUTATIONS,
    *documents.MUTATIONS,
    *templates.MUTATIONS,
    *presentation.MUTATIONS,
    *others.MUTATIONS,
    *agreement.MUTATIONS,
)
