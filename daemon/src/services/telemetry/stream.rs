//! Streams of readings in columns. A series is named once, by a number of the caller's; after that a reading costs no
//! look-up by name while nothing has changed. Requests wait for the disk beside each other and are acknowledged in order.

use std::time::Duration;

use fleet_proto::pb;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::Telemetry;
use super::numbers::{Number, Numbers};
use super::taking::Taking;
use super::target::{Refusal, Said, Terms};
use crate::domain::Caller;
use crate::domain::ingest::Ingested;
use crate::domain::telemetry::{Quality, Value};
use crate::services::error::{Error, Result};
use crate::storage::telemetry::{AppendError, Appended};

/// Readings of a request, and those of a stream that wait for the disk before the next request is read.
const MOST_READINGS: usize = 65_536;
/// Requests of a stream that wait for the disk.
const MOST_REQUESTS: usize = 8;
/// Rejected readings that one answer tells of.
const MOST_REJECTED: usize = 1_000;
/// A request for which the queue has no room is tried again after this, and so often: its caller may be gone by then,
/// or no longer be let in.
const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: usize = 20;

/// A request that waited for the disk.
struct Waited {
    request: pb::WriteRequest,
    terms: Terms,
    taking: Taking,
    appended: std::result::Result<Appended, AppendError>,
}

impl Telemetry {
    /// Takes in the requests of a stream and answers when they are durable, until there are no more, nobody waits for the
    /// answers, or one of them cannot be taken: those before it are answered all the same.
    pub async fn write_stream(
        &self,
        caller: &Caller,
        mut requests: impl Stream<Item = pb::WriteRequest> + Unpin,
        answers: mpsc::Sender<pb::WriteResponse>,
    ) -> Result<()> {
        let mut numbers = Numbers::default();
        let mut waiting = FuturesOrdered::new();
        let mut readings = 0;
        let mut end = None;
        loop {
            let has_room = waiting.len() < MOST_REQUESTS && readings < MOST_READINGS;
            tokio::select! {
                biased;
                () = answers.closed() => return Ok(()),
                Some(waited) = waiting.next(), if !waiting.is_empty() => {
                    let mut answer = pb::WriteResponse::default();
                    let mut next: Option<Waited> = Some(waited);
                    while let Some(waited) = next {
                        readings -= len(&waited.request);
                        let (sequence, ingested) = self.finish(caller, &mut numbers, waited).await?;
                        add(&mut answer, sequence, ingested);
                        next = waiting.next().now_or_never().flatten();
                    }
                    if answers.send(answer).await.is_err() {
                        return Ok(());
                    }
                }
                request = requests.next(), if has_room && end.is_none() => match request {
                    None => end = Some(Ok(())),
                    Some(request) => match self.begin(caller, &mut numbers, request).await {
                        Ok((count, pending)) => {
                            readings += count;
                            waiting.push_back(pending);
                        }
                        Err(error) => end = Some(Err(error)),
                    },
                },
            }
            if waiting.is_empty()
                && let Some(end) = end
            {
                return end;
            }
        }
    }

    /// Queues the readings of a request; gives how many there are, and what waits for them.
    async fn begin(
        &self,
        caller: &Caller,
        numbers: &mut Numbers,
        mut request: pb::WriteRequest,
    ) -> Result<(usize, impl Future<Output = Waited> + Send + use<>)> {
        check(&request)?;
        numbers.admit(caller, &mut request)?;
        let (terms, mut taking) = self.taken(caller, numbers, &request, true).await?;
        let appending = self.store.submit(terms.share, std::mem::take(&mut taking.samples));
        let count = len(&request);
        let waited = async move {
            Waited {
                appended: appending.await,
                request,
                terms,
                taking,
            }
        };
        Ok((count, waited))
    }

    /// What became of a request, once that is durable. One that others pushed out of the queue is tried again.
    async fn finish(&self, caller: &Caller, numbers: &mut Numbers, waited: Waited) -> Result<(u64, Ingested)> {
        let Waited {
            request,
            mut terms,
            mut taking,
            mut appended,
        } = waited;
        for _ in 0..ATTEMPTS {
            if appended != Err(AppendError::Busy) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            (terms, taking) = self.taken(caller, numbers, &request, false).await?;
            let samples = std::mem::take(&mut taking.samples);
            appended = self.store.append(terms.share, samples).await;
        }
        let appended = appended.map_err(|error| self.not_stored(error, Some(&terms.org)))?;
        Ok((request.sequence, taking.done(appended)))
    }

    /// Looks at the readings of a request, which spends of the rates unless it has done so already.
    async fn taken(
        &self,
        caller: &Caller,
        numbers: &mut Numbers,
        request: &pb::WriteRequest,
        spends: bool,
    ) -> Result<(Terms, Taking)> {
        let terms = self.find_numbers(caller, numbers, request).await?;
        let budgets = if spends {
            numbers.budgets(&terms, request)
        } else {
            Vec::new()
        };
        self.enter(&terms, None, budgets)?;
        let mut taking = Taking::new(self.clock.now(), len(request));
        let columns = request.series.iter().zip(&request.timestamps_us).zip(&request.values);
        for (index, ((number, timestamp), value)) in columns.enumerate() {
            place(
                &mut taking,
                numbers,
                index,
                *number,
                *timestamp,
                Quality::Good,
                number_of(*value),
            );
        }
        for (index, other) in (request.series.len()..).zip(&request.others) {
            match quality(other) {
                Ok(quality) => place(
                    &mut taking,
                    numbers,
                    index,
                    other.series,
                    other.timestamp_us,
                    quality,
                    value(other),
                ),
                Err(refusal) => taking.refuse(index, refusal),
            }
        }
        self.note_ahead(&taking, &terms, None);
        Ok((terms, taking))
    }
}

/// Puts a reading where it goes.
fn place(
    taking: &mut Taking,
    numbers: &Numbers,
    index: usize,
    number: u32,
    timestamp: i64,
    quality: Quality,
    value: std::result::Result<Value, Refusal>,
) {
    let (series, value) = match (numbers.get(number), value) {
        (Number::Series(series), Ok(value)) => (series, value),
        (Number::Refused(refusal), _) => return taking.refuse(index, refusal.clone()),
        (_, Err(refusal)) => return taking.refuse(index, refusal),
        (Number::Unknown, _) => {
            let detail = format!("no series is declared as number {number}");
            return taking.refuse(index, ("unknown_series", detail));
        }
    };
    let timestamp = Some(timestamp).filter(|timestamp| *timestamp != 0);
    if let Some(timestamp) = taking.timestamp(index, timestamp, false, || Some(series.device)) {
        let said = Said {
            value,
            unit: series.unit.as_deref(),
            quality,
            kept: None,
        };
        taking.judge(index, timestamp, &series.known, said);
    }
}

fn len(request: &pb::WriteRequest) -> usize {
    request.series.len() + request.others.len()
}

/// Is it a request that can be understood?
fn check(request: &pb::WriteRequest) -> Result<()> {
    let columns = [request.timestamps_us.len(), request.values.len()];
    if columns.iter().any(|column| *column != request.series.len()) {
        let [times, values] = columns;
        let told = format!(
            "has {} entries beside {times} timestamps and {values} values",
            request.series.len()
        );
        return Err(Error::field("series", told, "columns have one length"));
    }
    if len(request) > MOST_READINGS {
        let told = format!("is one of {} readings", len(request));
        return Err(Error::field(
            "series",
            told,
            "a request has 65,536 at most: send several",
        ));
    }
    Ok(())
}

fn number_of(number: f64) -> std::result::Result<Value, Refusal> {
    if number.is_finite() {
        return Ok(Value::Number(number));
    }
    Err(("bad_value", "the value is no finite number".to_owned()))
}

fn value(reading: &pb::WrittenReading) -> std::result::Result<Value, Refusal> {
    let bad = |detail: &str| ("bad_value", detail.to_owned());
    match (reading.value, reading.text.as_str()) {
        (Some(number), "") => number_of(number),
        (Some(_), _) => Err(bad("it has both a value and a text")),
        (None, "") => Ok(Value::Missing),
        (None, text) => match serde_json::from_str(text) {
            Err(_) => Err(bad("the text is no JSON")),
            Ok(serde_json::Value::Null) => Ok(Value::Missing),
            Ok(serde_json::Value::Number(_)) => Err(bad("the text is a number, which belongs into the value")),
            Ok(other) => Ok(Value::Json(other.to_string().into())),
        },
    }
}

fn quality(reading: &pb::WrittenReading) -> std::result::Result<Quality, Refusal> {
    match pb::Quality::try_from(reading.quality) {
        Ok(pb::Quality::Good) => Ok(Quality::Good),
        Ok(pb::Quality::Uncertain) => Ok(Quality::Uncertain),
        Ok(pb::Quality::Bad) => Ok(Quality::Bad),
        Err(_) => Err(("bad_item", "the quality is not good, uncertain or bad".to_owned())),
    }
}

/// Adds what became of the next request to an answer.
fn add(answer: &mut pb::WriteResponse, sequence: u64, ingested: Ingested) {
    answer.sequence = sequence;
    answer.accepted += u64::from(ingested.accepted);
    answer.duplicates += u64::from(ingested.duplicates);
    answer.rejected_total += ingested.rejected.len() as u64;
    let room = MOST_REJECTED - answer.rejected.len();
    let told = ingested
        .rejected
        .into_iter()
        .take(room)
        .map(|rejection| pb::RejectedReading {
            sequence,
            index: rejection.index as u32,
            code: rejection.code.to_owned(),
            detail: rejection.detail,
        });
    answer.rejected.extend(told);
}
