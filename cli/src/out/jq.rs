//! `-o jq=EXPR`: a jq expression on each record.

use fleet_proto::codes;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::exit::Exit;

/// A compiled expression.
pub struct Filter(jaq_core::compile::Filter<jaq_core::Native<data::JustLut<Val>>>);

impl Filter {
    /// Compiles an expression.
    pub fn compile(expression: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(
                format!("`{expression}` is no jq expression"),
                "such as -o jq=.metadata.name",
            )
        };
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(
                &arena,
                File {
                    code: expression,
                    path: (),
                },
            )
            .map_err(|_| wrong())?;
        Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map(Self)
            .map_err(|_| wrong())
    }

    /// The results for one record, a line each; text without quotes.
    pub fn run(&self, record: &Value) -> Result<Vec<String>> {
        let failed = |message: String| {
            Error::new(
                Exit::Failure,
                codes::USAGE,
                format!("the jq expression failed: {message}"),
                "try it on one record with -o json first",
            )
        };
        let input = read::parse_single(record.to_string().as_bytes()).map_err(|error| failed(error.to_string()))?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        self.0
            .id
            .run((context, input))
            .map(unwrap_valr)
            .map(|value| {
                let text = value.map_err(|error| failed(error.to_string()))?.to_string();
                Ok(match serde_json::from_str::<Value>(&text) {
                    Ok(Value::String(text)) => text,
                    _ => text,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_run_on_records() {
        let filter = Filter::compile(".a[] | select(. > 1)").unwrap();
        assert_eq!(filter.run(&serde_json::json!({"a": [1, 2, 3]})).unwrap(), ["2", "3"]);
        assert_eq!(
            Filter::compile(".name")
                .unwrap()
                .run(&serde_json::json!({"name": "x"}))
                .unwrap(),
            ["x"]
        );
        assert!(Filter::compile(".a |").is_err());
    }
}
