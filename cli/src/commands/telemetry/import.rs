//! `fleetctl telemetry import`.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fleet_proto::{codes, pb};
use serde_json::{Value, json};

use crate::commands;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::column;
use crate::progress::Meter;
use crate::readings::{Format, Reader, Row};

/// Readings of a request at most, and bytes of their texts.
const BATCH: usize = 5_000;
const BATCH_TEXT: usize = 1 << 20;
/// Problems that are told; the others are counted.
const MOST_TOLD: usize = 100;
/// Characters of a problem: what stands in a file may be long.
const LONGEST_TOLD: usize = 300;
/// Records between two looks at what else goes on.
const TURN: u64 = 1_000;

/// Put readings in from files: CSV, JSON lines or Parquet, as `telemetry export` writes them
///
/// The columns are device, sensor, timestamp and value, and source, unit, text, quality, reason and received where there
/// are such. Everything is read before anything is sent. What is there already stays as it is, so that a file can be
/// imported again; a reading is at most 20 years old. Times are RFC 3339 or epoch milliseconds.
#[derive(Args, Debug)]
pub struct Import {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Their format; without it what the name of each ends with
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Only read and check; nothing is sent
    #[arg(long)]
    dry_run: bool,
    /// Import what can be read although other records cannot; without it one of these stops all
    #[arg(long)]
    skip_bad: bool,
}

/// A file that is read, twice.
struct Input {
    name: String,
    format: Format,
    file: File,
}

impl Input {
    async fn open(cx: &mut Context, path: &PathBuf, format: Option<Format>) -> Result<Self> {
        let name = path.display().to_string();
        let format = Format::of(path, format)?;
        let opened = if name == "-" {
            cx.io.spool_stdin().await
        } else {
            File::open(path)
        };
        let file = opened.map_err(|error| {
            Error::usage(
                format!("{name} cannot be read: {error}"),
                "name a file that can be read",
            )
        })?;
        Ok(Self { name, format, file })
    }

    /// Begins at its begin.
    fn reader(&self) -> Result<Reader> {
        let again = self.file.try_clone().and_then(|mut file| {
            file.seek(SeekFrom::Start(0))?;
            Ok(file)
        });
        let file = again.map_err(|error| self.broken(error.to_string()))?;
        Reader::open(self.format, file).map_err(|text| self.broken(text))
    }

    fn broken(&self, text: String) -> Error {
        Error::new(
            Exit::Invalid,
            codes::SEMANTIC,
            format!("{}: {text}", self.name),
            "put it right, and repeat the command: what is imported already is not imported twice",
        )
    }
}

/// What became of the records.
#[derive(Default)]
struct Done {
    readings: u64,
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    bad: u64,
    /// The first ones: place, code, text.
    problems: Vec<(String, String, String)>,
}

impl Done {
    fn problem(&mut self, place: String, code: &str, text: &str) {
        if self.problems.len() < MOST_TOLD {
            let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            self.problems
                .push((place, code.to_owned(), plain.take(LONGEST_TOLD).collect()));
        }
    }

    /// How many problems are not told.
    fn untold(&self) -> u64 {
        (self.bad + self.rejected).saturating_sub(self.problems.len() as u64)
    }

    fn so_far(&self) -> String {
        format!(
            "{} readings are imported, and {} were there already: repeated, the command goes on where it ended",
            self.accepted, self.duplicates
        )
    }

    fn say(&self, cx: &mut Context) {
        for (place, code, text) in &self.problems {
            cx.io.say(&format!("{place}: {code}: {text}"));
        }
        if self.untold() > 0 {
            cx.io.say(&format!("and {} more", self.untold()));
        }
    }
}

pub(super) async fn run(cx: &mut Context, args: &Import) -> Result<Exit> {
    let mut inputs = Vec::new();
    for path in &args.files {
        inputs.push(Input::open(cx, path, args.format).await?);
    }
    let mut done = check(cx, &inputs).await?;
    if done.bad > 0 && !args.skip_bad {
        return Err(refusal(&done));
    }
    if !args.dry_run {
        let sent = send(cx, &inputs, &mut done).await;
        cx.so_far = None;
        if let Err(error) = sent {
            done.say(cx);
            cx.io.say(&done.so_far());
            return Err(error);
        }
    }
    done.say(cx);
    print(cx, &done)?;
    Ok(match done.bad + done.rejected {
        0 => Exit::Ok,
        // Nothing went in.
        _ if !args.dry_run && done.accepted + done.duplicates == 0 => Exit::Invalid,
        _ => Exit::Partial,
    })
}

fn print(cx: &mut Context, done: &Done) -> Result<Exit> {
    let problems = done
        .problems
        .iter()
        .map(|(place, code, text)| json!({"place": place, "code": code, "message": text}));
    let told = json!({
        "readings": done.readings, "accepted": done.accepted, "duplicates": done.duplicates, "rejected": done.rejected,
        "bad": done.bad, "problems": problems.collect::<Vec<_>>(),
    });
    let columns = vec![
        column("READINGS", ".readings"),
        column("ACCEPTED", ".accepted"),
        column("DUPLICATES", ".duplicates"),
        column("REJECTED", ".rejected"),
        column("BAD", ".bad"),
    ];
    commands::print(cx, columns, |row: &Value| row["accepted"].to_string(), &told)
}

/// Reads everything, and counts what can be imported.
async fn check(cx: &mut Context, inputs: &[Input]) -> Result<Done> {
    let mut done = Done::default();
    let mut meter = Meter::new(&cx.io, "checking readings");
    for input in inputs {
        let mut reader = input.reader()?;
        loop {
            match reader.next() {
                Ok(Some(Row { number, reading })) => match reading {
                    Ok(_) => done.readings += 1,
                    Err(text) => {
                        done.bad += 1;
                        done.problem(input.format.place(&input.name, number), "bad_record", &text);
                    }
                },
                Ok(None) => break,
                Err(text) => return Err(input.broken(text)),
            }
            if (done.readings + done.bad).is_multiple_of(TURN) {
                meter.set(format!("checking readings, {} are right", done.readings));
                meter.pause(&mut cx.io).await;
            }
        }
    }
    Ok(done)
}

/// All that cannot be read, as far as it is told.
fn refusal(done: &Done) -> Error {
    let count = match done.bad {
        1 => "1 record cannot be read".to_owned(),
        bad => format!("{bad} records cannot be read"),
    };
    let mut error = Error::new(
        Exit::Invalid,
        codes::SEMANTIC,
        format!("{count}; nothing was imported"),
        "put them right, or leave them out with --skip-bad",
    );
    error.rendered = done
        .problems
        .iter()
        .map(|(place, _, text)| format!("{place}: {text}\n"))
        .collect();
    if done.untold() > 0 {
        error.rendered.push(format!("and {} more\n", done.untold()));
    }
    error.issues = done
        .problems
        .iter()
        .map(|(place, code, text)| json!({"path": place, "message": text, "help": "", "code": code}))
        .collect();
    error
}

/// Sends what can be read, batch by batch.
async fn send(cx: &mut Context, inputs: &[Input], done: &mut Done) -> Result<()> {
    let org = cx.org().await?;
    let mut sender = Sender {
        org,
        size: BATCH,
        meter: Meter::new(&cx.io, "importing readings"),
        batch: Vec::new(),
        places: Vec::new(),
        text: 0,
    };
    cx.so_far = Some(done.so_far());
    for input in inputs {
        let mut reader = input.reader()?;
        while let Some(Row { number, reading }) = reader.next().map_err(|text| input.broken(text))? {
            // What is bad was told.
            let Ok(reading) = reading else { continue };
            sender.text += reading.text.len();
            sender.batch.push(reading);
            sender.places.push(number);
            if sender.batch.len() >= sender.size || sender.text >= BATCH_TEXT {
                sender.send(cx, input, done).await?;
            }
        }
        sender.send(cx, input, done).await?;
    }
    Ok(())
}

/// Readings on their way.
struct Sender {
    org: String,
    /// Readings of a batch; fewer where the organization may not write so many at once.
    size: usize,
    meter: Meter,
    batch: Vec<pb::Reading>,
    /// Where each stands in its file.
    places: Vec<u64>,
    text: usize,
}

impl Sender {
    /// Sends what waits, all of it of one file.
    async fn send(&mut self, cx: &mut Context, input: &Input, done: &mut Done) -> Result<()> {
        let (mut batch, mut places) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.places));
        self.text = 0;
        let timeout = cx.globals.timeout;
        let mut client = cx.telemetry().await?;
        let mut waited = Duration::ZERO;
        while !batch.is_empty() {
            let size = self.size.min(batch.len());
            let request = pb::ImportRequest {
                org: self.org.clone(),
                readings: batch[..size].to_vec(),
            };
            let call = in_time(timeout, client.import(request));
            let answer = match self.meter.wait(&mut cx.io, call).await {
                Ok(answer) => answer.into_inner(),
                Err(error) if error.retry_after_ms > 0 && waited < timeout.0 => {
                    // Nothing of it was taken. A rate may be lower than a batch is long.
                    let wait = Duration::from_millis(error.retry_after_ms);
                    self.size = (size / 2).max(1);
                    self.meter.wait(&mut cx.io, tokio::time::sleep(wait)).await;
                    waited += wait;
                    continue;
                }
                Err(error) => return Err(error),
            };
            waited = Duration::ZERO;
            done.accepted += u64::from(answer.accepted);
            done.duplicates += u64::from(answer.duplicates);
            done.rejected += answer.rejected.len() as u64;
            for rejected in answer.rejected {
                let number = places.get(rejected.index as usize).copied().unwrap_or_default();
                done.problem(
                    input.format.place(&input.name, number),
                    &rejected.code,
                    &rejected.detail,
                );
            }
            batch.drain(..size);
            places.drain(..size);
            cx.so_far = Some(done.so_far());
            self.meter.set(format!(
                "importing readings, {} of {} are done",
                done.accepted + done.duplicates + done.rejected,
                done.readings
            ));
        }
        Ok(())
    }
}
