//! pyarrow of PyPI: Parquet as others read and write it.

use std::path::Path;

use serde_json::{Value, json};

use super::script::Script;

/// Types, codings, and rows of a file.
pub fn parquet_read(file: &Path) -> Value {
    let (_script, said) = Script::start("parquet_peer.py", &json!({"read": file}));
    said
}

/// Writes readings of `m-2`, as `tests/peers/parquet_peer.py` says of this word.
pub fn parquet_write(file: &Path, how: &str) {
    let (_script, _) = Script::start("parquet_peer.py", &json!({"write": file, "how": how}));
}
