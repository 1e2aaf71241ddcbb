"""The stages of the pipeline, one class each; ``generator.contract.stages`` has their order."""
