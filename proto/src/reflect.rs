//! Descriptors at run time: the pool, field rules, spec ⇄ JSON.
