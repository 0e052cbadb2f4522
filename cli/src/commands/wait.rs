//! `fleetctl wait`.

use std::cmp::Ordering;
use std::time::Duration;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::watch_response::Event;
use fleet_proto::{codes, pb, reflect};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::telemetry::Newest;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::jq::Filter;
use crate::out::{Listing, column};
use crate::{targets, times};

/// Time between two looks at what no watch tells of.
const EVERY: Duration = Duration::from_secs(1);

/// Wait until something holds of resources, one after the other, at most --timeout for all of them
#[derive(Args, Debug)]
pub struct Wait {
    /// Kind and names, or kind/name for each
    #[arg(required = true, value_name = "KIND/NAME")]
    what: Vec<String>,
    /// 'telemetry(SENSOR) > NUMBER' (or >=, <, <=, ==, !=): the newest reading of a device; telemetry(SENSOR): it has a number;
    /// jq=EXPR: the expression is true of the resource; delete: it is gone. A reading of bad quality never counts
    #[arg(long = "for", value_name = "CONDITION", value_parser = condition)]
    condition: Condition,
    /// Only readings of a sensor that are not older than this when they are looked at; without it the newest counts, however old
    #[arg(long, value_name = "TIME", value_parser = times::parse_duration)]
    within: Option<i64>,
    /// Only this source of a sensor, such as main:1; without it any
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// Something about the newest reading of a sensor.
    Telemetry { sensor: String, compared: Option<Compared> },
    /// A jq expression about the resource.
    Jq(String),
    /// There is no such resource any more.
    Delete,
}

/// How a number is to stand to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Compared {
    to: f64,
    /// Less, equal, greater: which of them will do.
    fits: [bool; 3],
}

impl Compared {
    /// Longer signs stand before those that they begin with.
    const SIGNS: &[(&str, [bool; 3])] = &[
        (">=", [false, true, true]),
        ("<=", [true, true, false]),
        ("==", [false, true, false]),
        ("!=", [true, false, true]),
        (">", [false, false, true]),
        ("<", [true, false, false]),
    ];

    fn find(text: &str) -> Option<Self> {
        let (sign, fits) = Self::SIGNS.iter().find(|(sign, _)| text.starts_with(sign))?;
        let to: f64 = text[sign.len()..].trim().parse().ok()?;
        to.is_finite().then_some(Self { to, fits: *fits })
    }

    fn holds(self, number: f64) -> bool {
        match number.partial_cmp(&self.to) {
            Some(Ordering::Less) => self.fits[0],
            Some(Ordering::Equal) => self.fits[1],
            Some(Ordering::Greater) => self.fits[2],
            None => false,
        }
    }
}

fn condition(text: &str) -> std::result::Result<Condition, String> {
    let wrong = || {
        format!("`{text}` is no condition; write 'telemetry(SENSOR) > NUMBER', 'telemetry(SENSOR)', jq=EXPR, or delete")
    };
    if text == "delete" {
        return Ok(Condition::Delete);
    }
    if let Some(expression) = text.strip_prefix("jq=") {
        return Ok(Condition::Jq(expression.to_owned()));
    }
    let inner = text.strip_prefix("telemetry(").ok_or_else(wrong)?;
    let (sensor, rest) = inner.rsplit_once(')').ok_or_else(wrong)?;
    let (sensor, rest) = (sensor.trim().to_owned(), rest.trim());
    let compared = if rest.is_empty() {
        None
    } else {
        Some(Compared::find(rest).ok_or_else(wrong)?)
    };
    if sensor.is_empty() {
        return Err(wrong());
    }
    Ok(Condition::Telemetry { sensor, compared })
}

/// A wait that may come to its end.
struct Waiting<'a> {
    args: &'a Wait,
    /// As it was written.
    said: String,
    org: String,
    end: Instant,
}

/// How a look or a stream ended: the condition holds, with a record of why; or the time is over, with what was seen last.
type Seen = std::result::Result<Value, String>;

pub(super) async fn run(cx: &mut Context, args: &Wait) -> Result<Exit> {
    let wanted = targets::parse(&args.what)?;
    let filter = match &args.condition {
        Condition::Jq(expression) => Some(Filter::compile(expression)?),
        _ => None,
    };
    let is_of_readings = matches!(args.condition, Condition::Telemetry { .. });
    if !is_of_readings && (args.within.is_some() || !args.source.is_empty()) {
        return Err(Error::usage(
            "--within and --source are about readings",
            "leave them out, or wait --for 'telemetry(SENSOR) > NUMBER'",
        ));
    }
    let mut names = Vec::with_capacity(wanted.len());
    for target in wanted {
        let Some(name) = target.name else {
            return Err(Error::usage("a name is missing", format!("write {}/NAME", target.kind)));
        };
        if is_of_readings && target.kind != Kind::Device {
            return Err(Error::usage(
                format!("{}/{name} has no readings", target.kind),
                "write device/NAME",
            ));
        }
        names.push((target.kind, name));
    }
    let end = Instant::now() + cx.globals.timeout.0;
    let mut met = Vec::with_capacity(names.len());
    for (kind, name) in names {
        let org = if kind.is_platform() {
            String::new()
        } else {
            cx.org().await?
        };
        let waiting = Waiting {
            args,
            said: said(&args.condition),
            org,
            end,
        };
        let seen = match (&args.condition, &filter) {
            (Condition::Telemetry { sensor, compared }, _) => waiting.reading(cx, &name, sensor, *compared).await?,
            (Condition::Jq(_), Some(filter)) => waiting.expression(cx, kind, &name, filter).await?,
            _ => waiting.deletion(cx, kind, &name).await?,
        };
        match seen {
            Ok(mut record) => {
                record["ref"] = format!("{kind}/{name}").into();
                record["for"] = waiting.said.into();
                met.push(record);
            }
            Err(last) => {
                return Err(Error::new(
                    Exit::TimedOut,
                    codes::NOT_MET,
                    format!("{kind}/{name}: `{}` did not come true in time: {last}", waiting.said),
                    "repeat with a longer --timeout, or look at what keeps it from coming true",
                ));
            }
        }
    }
    let columns = vec![
        column("NAME", ".ref"),
        column("FOR", ".for"),
        column("VALUE", ".value"),
        column("UNIT", ".unit"),
        column("TIME", ".timestamp"),
    ];
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, |record| super::text(record, "ref"))?;
    for record in met {
        if !listing.push(&record)? {
            return Ok(Exit::Ok);
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

fn said(condition: &Condition) -> String {
    match condition {
        Condition::Delete => "delete".to_owned(),
        Condition::Jq(expression) => format!("jq={expression}"),
        Condition::Telemetry { sensor, compared: None } => format!("telemetry({sensor})"),
        Condition::Telemetry {
            sensor,
            compared: Some(compared),
        } => {
            let sign = Compared::SIGNS.iter().find(|(_, fits)| *fits == compared.fits);
            format!(
                "telemetry({sensor}) {} {}",
                sign.map_or("", |(sign, _)| sign),
                compared.to
            )
        }
    }
}

fn record(value: Value) -> Value {
    json!({"ref": "", "for": "", "value": value, "unit": "", "timestamp": null})
}

impl Waiting<'_> {
    /// What comes before the time is over; none: it is over.
    async fn before_end<T>(
        &self,
        part: impl Future<Output = std::result::Result<T, tonic::Status>>,
    ) -> Result<Option<T>> {
        match tokio::time::timeout_at(self.end, part).await {
            Ok(answer) => Ok(Some(answer?)),
            Err(_) => Ok(None),
        }
    }

    /// Until the newest reading of a sensor fits. The stream begins with it, so that none is missed in between.
    async fn reading(&self, cx: &mut Context, device: &str, sensor: &str, compared: Option<Compared>) -> Result<Seen> {
        let fits = |value| compared.is_none_or(|compared| compared.holds(value));
        let wanted = pb::TailRequest {
            org: self.org.clone(),
            device: device.to_owned(),
            sensor: sensor.to_owned(),
            source: self.args.source.clone(),
            latest: true,
        };
        let mut client = cx.telemetry().await?;
        let mut newest = Newest::default();
        // Where readings were left out because they came too fast, it begins anew.
        while let Some(events) = self.before_end(client.tail(wanted.clone())).await? {
            let mut events = events.into_inner();
            loop {
                let Some(event) = self.before_end(events.message()).await? else {
                    return Ok(Err(newest.told()));
                };
                let Some(event) = event else { return Err(ended()) };
                for reading in event.readings {
                    // What comes late is no longer what the sensor says.
                    let Some(reading) = newest.take(reading) else { continue };
                    if let Some(value) = self.counts(reading).filter(|value| fits(*value)) {
                        return Ok(Ok(json!({
                            "ref": "", "for": "", "value": value, "unit": reading.unit,
                            "timestamp": times::show(reading.timestamp_us),
                        })));
                    }
                }
                if event.skipped > 0 {
                    break;
                }
            }
        }
        Ok(Err(newest.told()))
    }

    /// The number of a reading that is neither bad nor too old.
    fn counts(&self, reading: &pb::Reading) -> Option<f64> {
        let is_old = |within| reading.timestamp_us < times::now().saturating_sub(within);
        let may = reading.quality() != pb::Quality::Bad && !self.args.within.is_some_and(is_old);
        reading.value.filter(|_| may)
    }

    /// Until an expression is true of a resource. What devices report changes no revision, so that no watch tells of it:
    /// it is looked at once a second.
    async fn expression(&self, cx: &mut Context, kind: Kind, name: &str, filter: &Filter) -> Result<Seen> {
        let mut client = cx.resources().await?;
        let mut last = "nothing was seen of it".to_owned();
        loop {
            let request = pb::GetRequest {
                org: self.org.clone(),
                kind: kind.to_string(),
                name: name.to_owned(),
                at: None,
            };
            let Some(found) = self.before_end(client.get(request)).await? else {
                return Ok(Err(last));
            };
            if let Some(resource) = found.into_inner().resource {
                let results = filter.run(&reflect::to_json(&resource))?;
                match results.first().map(String::as_str) {
                    Some("false" | "null") | None => {}
                    Some(result) => {
                        let result = serde_json::from_str(result).unwrap_or_else(|_| result.into());
                        return Ok(Ok(record(result)));
                    }
                }
                last = format!("it gives {}", results.first().map_or("nothing", String::as_str));
            }
            if Instant::now() + EVERY >= self.end {
                tokio::time::sleep_until(self.end).await;
                return Ok(Err(last));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Until there is no such resource.
    async fn deletion(&self, cx: &mut Context, kind: Kind, name: &str) -> Result<Seen> {
        let there = || Ok(Err("it is still there".to_owned()));
        let mut client = cx.resources().await?;
        let request = pb::GetRequest {
            org: self.org.clone(),
            kind: kind.to_string(),
            name: name.to_owned(),
            at: None,
        };
        let own = match self.before_end(client.get(request)).await {
            Ok(Some(found)) => found.into_inner().resource.and_then(|resource| resource.metadata),
            Ok(None) => return there(),
            Err(error) if error.exit == Exit::NotFound => return Ok(Ok(record(Value::Null))),
            Err(error) => return Err(error),
        };
        // What was named by its uid is watched by its name, too.
        let own = own.unwrap_or_default();
        let filter = pb::Filter {
            org: self.org.clone(),
            kind: kind.to_string(),
            name_glob: own.name,
            ..pb::Filter::default()
        };
        let request = pb::WatchRequest {
            filter: Some(filter),
            from_revision: 0,
        };
        let Some(events) = self.before_end(client.watch(request)).await? else {
            return there();
        };
        let (mut events, mut is_there) = (events.into_inner(), false);
        while let Some(event) = self.before_end(events.message()).await? {
            let Some(answer) = event else { return Err(ended()) };
            match answer.event {
                Some(Event::Put(_)) => is_there = true,
                Some(Event::Deleted(_)) => return Ok(Ok(record(Value::Null))),
                Some(Event::Synced(_)) if !is_there => return Ok(Ok(record(Value::Null))),
                Some(Event::Synced(_)) | None => {}
            }
        }
        there()
    }
}

fn ended() -> Error {
    Error::new(
        Exit::Unavailable,
        codes::CONNECT,
        "fleetd ended the stream",
        "repeat the command",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_what_is_waited_for() {
        let holds = |text: &str, numbers: [f64; 3]| match condition(text).unwrap() {
            Condition::Telemetry { sensor, compared } => {
                assert_eq!(sensor, "power (kW)");
                numbers.map(|number| compared.is_none_or(|compared| compared.holds(number)))
            }
            other => panic!("{other:?}"),
        };
        let around = [-1.5, -1.0, 0.0];
        for (sign, fits) in Compared::SIGNS {
            for text in [
                format!("telemetry(power (kW)) {sign} -1.0"),
                format!("telemetry(power (kW)){sign}-1e0"),
            ] {
                assert_eq!(holds(&text, around), *fits, "{text}");
                assert_eq!(condition(&said(&condition(&text).unwrap())), condition(&text));
            }
        }
        assert_eq!(holds("telemetry(power (kW))", around), [true; 3]);
        assert_eq!(condition("delete"), Ok(Condition::Delete));
        assert_eq!(condition("jq=.a == 1"), Ok(Condition::Jq(".a == 1".to_owned())));
        for wrong in [
            "",
            "deleted",
            "telemetry",
            "telemetry()",
            "telemetry(x",
            "telemetry(x) = 1",
            "telemetry(x) > ",
            "telemetry(x) > NaN",
            "telemetry(x) > inf",
            "telemetry(x) 5",
            "jq",
        ] {
            assert!(condition(wrong).is_err(), "{wrong}");
        }
    }
}
