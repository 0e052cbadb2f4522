//! Manifests: YAML ⇄ resources.
