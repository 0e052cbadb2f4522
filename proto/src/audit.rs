//! The chain of audit events: whoever has a copy can tell whether a row was changed, left out, or put in.

use crate::pb::AuditEvent;

/// The hash before the first event of a chain.
pub const BEGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an event behind the one with the hash `before`, hexadecimal: BLAKE3 over that hash and the fields in the
/// order of the contract, each with its length before it.
pub fn hash(before: &str, event: &AuditEvent) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("fleetd audit chain v1");
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(before.as_bytes());
    part(event.org_uid.as_bytes());
    part(&event.seq.to_le_bytes());
    part(&event.at_us.to_le_bytes());
    for text in [
        &event.actor,
        &event.verb,
        &event.object,
        &event.outcome,
        &event.detail,
        &event.address,
        &event.request_id,
    ] {
        part(text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// What the signature of a head is over.
pub fn head_message(org_uid: &str, seq: u64, hash: &str) -> String {
    format!("fleetd audit head v1\n{org_uid}\n{seq}\n{hash}\n")
}

/// Why a chain is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Of the first event that does not fit.
    pub seq: u64,
    /// What is wrong.
    pub what: &'static str,
}

/// Checks events one after the other.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    last: Option<(u64, String)>,
}

impl Verifier {
    /// Takes the next event of a chain. The first one must be the chain's first.
    pub fn next(&mut self, event: &AuditEvent) -> Result<(), Broken> {
        let (seq, before) = match &self.last {
            None => (1, BEGIN.to_owned()),
            Some((seq, hash)) => (seq + 1, hash.clone()),
        };
        let broken = |what| Broken { seq: event.seq, what };
        if event.seq != seq {
            return Err(broken("an event before it is missing, or was put in"));
        }
        if hash(&before, event) != event.hash {
            return Err(broken("it is not what was written"));
        }
        self.last = Some((event.seq, event.hash.clone()));
        Ok(())
    }

    /// Position and hash of the last event; none: there was none.
    pub fn head(&self) -> Option<(u64, &str)> {
        self.last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_breaks_the_chain() {
        let mut events = Vec::new();
        let mut before = BEGIN.to_owned();
        for seq in 1..=4 {
            let mut event = AuditEvent {
                org_uid: "o".into(),
                seq,
                at_us: 1,
                actor: "a".into(),
                verb: "v".into(),
                object: "x".into(),
                outcome: "done".into(),
                detail: "{}".into(),
                address: "1".into(),
                request_id: "r".into(),
                ..AuditEvent::default()
            };
            event.hash = hash(&before, &event);
            before.clone_from(&event.hash);
            events.push(event);
        }
        let check = |events: &[AuditEvent]| {
            let mut verifier = Verifier::default();
            events.iter().try_for_each(|event| verifier.next(event))
        };
        assert_eq!(check(&events), Ok(()));
        let changes: [fn(&mut AuditEvent); 10] = [
            |e| e.org_uid.push('1'),
            |e| e.seq += 1,
            |e| e.at_us += 1,
            |e| e.actor.push('1'),
            |e| e.verb.push('1'),
            |e| e.object.push('1'),
            |e| e.outcome.push('1'),
            |e| e.detail.push('1'),
            |e| e.address.push('1'),
            |e| e.request_id.push('1'),
        ];
        for change in changes {
            let mut changed = events.clone();
            change(&mut changed[2]);
            assert!(check(&changed).is_err(), "{:?}", changed[2]);
        }
        // What moves from one field to the next is a change, too.
        let mut moved = events.clone();
        (moved[1].actor, moved[1].verb) = ("av".into(), String::new());
        assert!(check(&moved).is_err());
        let mut without = events.clone();
        without.remove(1);
        assert!(check(&without).is_err());
        assert!(check(&events[1..]).is_err());
        let mut twice = events.clone();
        twice.insert(1, events[0].clone());
        assert!(check(&twice).is_err());
    }
}
