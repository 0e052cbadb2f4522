//! Plans, applies and restores as text: what becomes of what, field by field.

use fleet_proto::diff;
use fleet_proto::pb::apply_response::{Action, Applied, Summary};
use fleet_proto::pb::{self, FieldChange};
use serde_json::Value;

use crate::commands::named;
use crate::submit::{Outcome, Submission};

/// Characters of a value that a terminal is shown.
const SHOWN: usize = 60;

/// Differences within one field that are shown.
const MOST_PARTS: usize = 10;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// It would be done.
    Plan,
    /// It was done.
    Done,
}

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// With colour.
    pub color: bool,
    /// Long values are cut.
    pub cut: bool,
}

/// Everything that changes or stands in the way, then the sum of it.
pub fn text(submission: &Submission, outcome: &Outcome, tense: Tense, look: Look) -> String {
    let mut text = String::new();
    for applied in outcome.applied.iter().filter(|applied| is_told(applied)) {
        text.push_str(&one(submission, applied, look));
    }
    for guard in &outcome.guards {
        text.push_str(&format!("{} {}\n", paint(look, '!'), guard.message));
        if !guard.help.is_empty() {
            text.push_str(&format!("    {}\n", guard.help));
        }
    }
    text.push_str(&sum(outcome, tense));
    text
}

/// Only the fields that differ: empty where nothing does.
pub fn differences(submission: &Submission, outcome: &Outcome, look: Look) -> String {
    let differs = |applied: &&Applied| is_change(applied) || !applied.conflicts.is_empty();
    outcome
        .applied
        .iter()
        .filter(differs)
        .map(|applied| one(submission, applied, look))
        .collect()
}

/// Does the plan say something about it?
pub fn is_told(applied: &Applied) -> bool {
    applied.action() != Action::Unchanged || !applied.yields.is_empty()
}

/// Does it change a resource?
pub fn is_change(applied: &Applied) -> bool {
    match applied.action() {
        Action::Created | Action::Updated | Action::Deleted | Action::Followed => true,
        Action::Released => !applied.changes.is_empty(),
        Action::Unchanged | Action::Conflict | Action::Kept => false,
    }
}

fn one(submission: &Submission, applied: &Applied, look: Look) -> String {
    let name = applied.resource.as_ref().map(named).unwrap_or_default();
    let renamed = !applied.renamed_from.is_empty();
    let (sign, note) = match applied.action() {
        Action::Created => ('+', String::new()),
        Action::Updated if renamed => ('±', format!("was {}", applied.renamed_from)),
        Action::Updated => ('~', String::new()),
        Action::Followed => ('~', "follows".to_owned()),
        Action::Released if applied.changes.is_empty() => ('<', "stays: another apply set has it, too".to_owned()),
        Action::Released => (
            '~',
            "another apply set has it, too; what this one owned goes".to_owned(),
        ),
        Action::Deleted => ('-', String::new()),
        Action::Conflict => ('!', String::new()),
        Action::Kept => ('=', format!("stays: {}", applied.reason)),
        Action::Unchanged if applied.yields.is_empty() => (' ', String::new()),
        Action::Unchanged => ('=', "gives way".to_owned()),
    };
    let place = submission
        .place(applied)
        .map(|place| format!("  {place}"))
        .unwrap_or_default();
    let note = if note.is_empty() { note } else { format!("  ({note})") };
    let mut text = format!("{} {name}{note}{place}\n", paint(look, sign));
    for change in &applied.changes {
        text.push_str(&format!("    {}\n", self::change(change, look)));
    }
    for conflict in &applied.conflicts {
        text.push_str(&format!("    {}\n", self::conflict(conflict, look, "")));
    }
    for left in &applied.yields {
        text.push_str(&format!(
            "    {}\n",
            self::conflict(left, look, ", and it is left to them")
        ));
    }
    text
}

/// `path: before → after`.
pub fn change(change: &FieldChange, look: Look) -> String {
    let value = |value: Option<&str>| value.map_or_else(|| "(none)".to_owned(), |text| shown(text, look));
    let (before, after) = (value(change.before.as_deref()), value(change.after.as_deref()));
    format!("{}: {before} → {after}", change.path)
}

/// Where and whose; of a large value only what differs within it.
fn conflict(conflict: &pb::Conflict, look: Look, tail: &str) -> String {
    let since = conflict.since.map(|at| format!(" since {at}")).unwrap_or_default();
    let owner = format!(
        "{} owns it{since} (revision {}){tail}",
        conflict.manager, conflict.revision
    );
    let parts = parts(conflict);
    if let [only] = parts.as_slice() {
        return format!("{}: {owner}", change(only, look));
    }
    let mut text = format!("{}: {owner}", conflict.path);
    for part in parts.iter().take(MOST_PARTS) {
        text.push_str(&format!("\n        {}", change(part, look)));
    }
    if parts.len() > MOST_PARTS {
        text.push_str(&format!("\n        ... and {} more", parts.len() - MOST_PARTS));
    }
    text
}

/// What differs within a conflict's values.
pub fn parts(conflict: &pb::Conflict) -> Vec<FieldChange> {
    let value = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str(text).ok());
    let (theirs, wanted): (Option<Value>, Option<Value>) = (value(&conflict.theirs), value(&conflict.wanted));
    diff::within(&conflict.path, theirs.as_ref(), wanted.as_ref())
}

fn shown(text: &str, look: Look) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !look.cut || clean.chars().count() <= SHOWN {
        return clean;
    }
    clean.chars().take(SHOWN - 3).chain("...".chars()).collect()
}

fn paint(look: Look, sign: char) -> String {
    let code = match sign {
        '+' => 32,
        '-' => 31,
        '!' => 35,
        '~' | '±' => 33,
        _ => return sign.to_string(),
    };
    if look.color {
        format!("\u{1b}[{code}m{sign}\u{1b}[0m")
    } else {
        sign.to_string()
    }
}

fn sum(outcome: &Outcome, tense: Tense) -> String {
    let Summary {
        created,
        updated,
        deleted,
        renamed,
        conflicts,
        kept,
        unchanged,
        revision,
        repeated,
        ..
    } = outcome.summary;
    let refused = outcome.refusal.is_some();
    let changes = outcome.applied.iter().any(is_change);
    let mut parts = Vec::new();
    let mut part = |count: u32, plan: &str, done: &str| {
        if count > 0 {
            let word = if tense == Tense::Plan || refused { plan } else { done };
            parts.push(format!("{count} {word}"));
        }
    };
    part(created, "to create", "created");
    part(updated - renamed.min(updated), "to update", "updated");
    part(renamed, "to rename", "renamed");
    part(deleted, "to delete", "deleted");
    part(conflicts, "in conflict", "in conflict");
    part(kept, "kept", "kept");
    parts.push(format!("{unchanged} unchanged"));
    let head = match tense {
        _ if repeated => "This plan was applied before",
        Tense::Plan if !changes && !refused => "No changes",
        Tense::Plan => "Plan",
        Tense::Done if refused => "Nothing was changed",
        Tense::Done if !changes => "No changes",
        Tense::Done => "Applied",
    };
    let at = if tense == Tense::Done && !refused && changes {
        format!(" (revision {revision})")
    } else {
        String::new()
    };
    let mut text = format!("{head}: {}{at}\n", parts.join(", "));
    if changes {
        text.push_str(&reach(outcome.summary.impact.unwrap_or_default()));
    }
    text
}

fn reach(impact: pb::apply_response::Impact) -> String {
    let mut parts = Vec::new();
    let mut part = |count: u32, one: &str, many: &str| {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    };
    part(impact.devices, "device", "devices");
    part(impact.online, "of them online", "of them online");
    part(
        impact.reconfigured,
        "with another gateway configuration",
        "with another gateway configuration",
    );
    part(impact.sites, "site", "sites");
    part(impact.customers, "customer", "customers");
    if parts.is_empty() {
        return String::new();
    }
    format!("Reaches: {}\n", parts.join(", "))
}
