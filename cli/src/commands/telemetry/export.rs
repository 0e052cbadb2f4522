//! `fleetctl telemetry export`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use fleet_proto::{codes, pb};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{Whose, between, said};
use crate::commands;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::column;
use crate::progress::Meter;
use crate::readings::{Format, Writer};

/// Write readings, with all that is known of each, into a file: CSV, JSON lines or Parquet
#[derive(Args, Debug)]
pub struct Export {
    #[command(flatten)]
    whose: Whose,
    /// From, inclusive: RFC 3339, epoch milliseconds, or an age such as -30d; without it from the first
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until, exclusive; without it to the last
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// The file, which is there when it is whole; - is standard output
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Its format; without it what the file's name ends with
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

pub(super) async fn run(cx: &mut Context, args: &Export) -> Result<Exit> {
    let is_stdout = args.file.as_os_str() == "-";
    let format = Format::of(&args.file, args.format)?;
    let wanted = request(cx, args).await?;
    if is_stdout {
        cx.text_only()?;
        if format == Format::Parquet {
            return Err(Error::usage(
                "Parquet is no text for standard output",
                "name a file, or write --format csv or jsonl",
            ));
        }
        return print(cx, format, wanted).await;
    }
    let file = begin(&args.file)?;
    let failed = |text: String| unwritten(&args.file, &text);
    let mut writer = Writer::new(format, file).map_err(failed)?;
    let path = args.file.display().to_string();
    let so_far = |count: u64| format!("{path} was not written; {count} readings had come");
    let count = read(cx, wanted, so_far, |_, readings| {
        for reading in readings {
            writer.push(reading).map_err(failed)?;
        }
        Ok(true)
    })
    .await?;
    let file = writer.finish().map_err(failed)?;
    file.as_file().sync_all().map_err(|error| failed(error.to_string()))?;
    let bytes = file.as_file().metadata().map_or(0, |known| known.len());
    file.persist(&args.file)
        .map_err(|error| failed(error.error.to_string()))?;
    cx.so_far = None;
    let told = json!({"file": path, "readings": count, "bytes": bytes});
    let columns = vec![
        column("FILE", ".file"),
        column("READINGS", ".readings"),
        column("BYTES", ".bytes"),
    ];
    let name = |row: &Value| row["file"].as_str().unwrap_or_default().to_owned();
    commands::print(cx, columns, name, &told)
}

async fn request(cx: &mut Context, args: &Export) -> Result<pb::QueryRequest> {
    let (from_us, to_us) = between(args.from.as_deref(), args.to.as_deref())?;
    let among = &args.whose.among;
    let (device, sensor) = among.words(&args.whose.what)?;
    Ok(pb::QueryRequest {
        org: cx.org().await?,
        device,
        sensor,
        selector: said(among.selector.as_ref()),
        site: said(among.site.as_ref()),
        customer: said(among.customer.as_ref()),
        source: among.source.clone(),
        from_us,
        to_us,
        ..pb::QueryRequest::default()
    })
}

/// What a writer has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn print(cx: &mut Context, format: Format, wanted: pb::QueryRequest) -> Result<Exit> {
    let failed = |text: String| Error::new(Exit::Failure, codes::OUTPUT, text, "");
    let written = Written::default();
    let mut writer = Writer::new(format, written.clone()).map_err(failed)?;
    let so_far = |count: u64| format!("{count} readings are printed, and these may not be all");
    read(cx, wanted, so_far, |cx, readings| {
        for reading in readings {
            writer.push(reading).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
        // Whole records stand in it, and these are text.
        cx.io.out(&String::from_utf8_lossy(&written.take()));
        Ok(!cx.io.is_closed())
    })
    .await?;
    writer.finish().map_err(failed)?;
    cx.io.out(&String::from_utf8_lossy(&written.take()));
    cx.so_far = None;
    Ok(Exit::Ok)
}

/// Reads every page of what is wanted, as long as `each` wants more; gives the number of readings.
async fn read(
    cx: &mut Context,
    wanted: pb::QueryRequest,
    so_far: impl Fn(u64) -> String,
    mut each: impl FnMut(&mut Context, Vec<pb::Reading>) -> Result<bool>,
) -> Result<u64> {
    let timeout = cx.globals.timeout;
    let mut client = cx.telemetry().await?;
    cx.so_far = Some(so_far(0));
    let mut meter = Meter::new(&cx.io, "exporting readings");
    let mut pages = meter
        .wait(&mut cx.io, in_time(timeout, client.query(wanted)))
        .await?
        .into_inner();
    let mut count = 0;
    while let Some(page) = meter.wait(&mut cx.io, in_time(timeout, pages.message())).await? {
        count += page.readings.len() as u64;
        if !each(cx, page.readings)? {
            break;
        }
        cx.so_far = Some(so_far(count));
        meter.set(format!("exporting readings, {count} have come"));
    }
    Ok(count)
}

/// A file beside the one that is wanted, which gets its name when it is whole.
fn begin(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".fleetctl-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|error| unwritten(path, &error.to_string()))
}

fn unwritten(path: &Path, text: &str) -> Error {
    Error::new(
        Exit::Failure,
        codes::OUTPUT,
        format!("{} cannot be written: {text}", path.display()),
        "nothing of it was kept; name a file that can be written, where there is room",
    )
}
