"""Looking up the datasets that a spec names, at the moment of its submission."""

from __future__ import annotations

from gateway.ports.store import Store
from translator.plan.datasets import DatasetCatalog, KnownVersion, dataset_references
from translator.spec.dataset_names import dataset_reference
from translator.spec.model import WorkflowSpec


def dataset_catalog(store: Store, spec: WorkflowSpec, default_location: str) -> DatasetCatalog:
    """The versions and places of a spec's datasets; what is not there is left out."""
    versions, names = dataset_references(spec)
    if not versions and not names:
        return DatasetCatalog(default_location=default_location)
    known: dict[str, KnownVersion] = {}
    places: dict[str, str] = {}
    with store.reading() as reads:
        for text in sorted(versions):
            found = reads.dataset_version(dataset_reference(text))
            if found is not None:
                known[text] = KnownVersion(
                    dataset=found.dataset, version=found.version, manifest=found.manifest, location=found.location
                )
        for name in sorted(names):
            dataset = reads.dataset(name)
            if dataset is not None:
                places[name] = dataset.location
    return DatasetCatalog(versions=known, locations=places, default_location=default_location)
