//! Questions, on a terminal only.

use fleet_proto::codes;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::progress::is_accessible;

/// Asks whether to do `what` (`delete site/plant-1`); elsewhere than at a terminal `--yes` must have been given.
pub async fn confirm(cx: &mut Context, what: &str) -> Result<()> {
    if cx.globals.yes {
        return Ok(());
    }
    if !cx.may_ask() {
        return Err(refused(format!(
            "to {what} needs a confirmation, and nobody can be asked here; nothing was done"
        )));
    }
    if ask(cx, what).await? {
        Ok(())
    } else {
        Err(refused("not confirmed; nothing was done".to_owned()))
    }
}

fn refused(message: String) -> Error {
    Error::new(Exit::NeedsConfirmation, codes::CONFIRM, message, "repeat with --yes")
}

/// The question waits on a thread of its own, so that Ctrl-C is heard meanwhile.
async fn ask(cx: &mut Context, what: &str) -> Result<bool> {
    let question = format!("Do you want to {what}?");
    if is_accessible() {
        cx.io.err(&format!("{question} Type yes or no, then Enter: "));
        let answered = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = answered.await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let line = line.map_err(|error| unanswered(cx, &error))?;
        return Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"));
    }
    let answered = tokio::task::spawn_blocking(move || {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact()
    });
    cx.asking = true;
    let answered = answered.await;
    cx.asking = false;
    match answered {
        Ok(Ok(yes)) => Ok(yes),
        Ok(Err(dialoguer::Error::IO(error))) => Err(unanswered(cx, &error)),
        Err(panic) => Err(unanswered(cx, &std::io::Error::other(panic))),
    }
}

fn unanswered(cx: &Context, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::Interrupted {
        return cx.ended(Exit::Interrupted);
    }
    refused(format!("no answer: {error}; nothing was done"))
}

/// Bytes of what is read from standard input.
const LONGEST: usize = 8 << 10;

/// A password: from standard input where that was said, else asked for, unseen, on a terminal.
pub async fn password(cx: &mut Context, what: &str, stdin: bool) -> Result<String> {
    if stdin {
        return Ok(lines(cx).await?.into_iter().next().unwrap_or_default());
    }
    hidden(cx, what).await
}

/// Two secrets, each on a line of standard input, or asked for.
pub async fn two(cx: &mut Context, what: [&str; 2], stdin: bool) -> Result<(String, String)> {
    if !stdin {
        return Ok((hidden(cx, what[0]).await?, hidden(cx, what[1]).await?));
    }
    match <[String; 2]>::try_from(lines(cx).await?) {
        Ok([first, second]) => Ok((first, second)),
        Err(found) => Err(Error::usage(
            format!("standard input holds {} lines, and two are needed", found.len()),
            format!("first {}, then {}", what[0].to_lowercase(), what[1].to_lowercase()),
        )),
    }
}

/// The lines of standard input; the end of the last one is none.
async fn lines(cx: &mut Context) -> Result<Vec<String>> {
    let bytes = cx
        .io
        .read_stdin(LONGEST)
        .await
        .map_err(|error| Error::usage(format!("standard input cannot be read: {error}"), ""))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::usage("standard input is no UTF-8", ""))?;
    Ok(text.lines().map(str::to_owned).collect())
}

async fn hidden(cx: &mut Context, what: &str) -> Result<String> {
    if !cx.io.asks {
        return Err(Error::usage(
            "nobody can be asked here: this is no terminal",
            "give it on standard input, with --password-stdin",
        ));
    }
    let question = what.to_owned();
    let answered = tokio::task::spawn_blocking(move || {
        dialoguer::Password::new()
            .with_prompt(question)
            .allow_empty_password(true)
            .interact()
    });
    cx.asking = true;
    let answered = answered.await;
    cx.asking = false;
    match answered {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(dialoguer::Error::IO(error))) => Err(unanswered(cx, &error)),
        Err(panic) => Err(unanswered(cx, &std::io::Error::other(panic))),
    }
}
