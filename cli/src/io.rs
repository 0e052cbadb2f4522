//! Where a command reads and writes. Tests give buffers; the process gives its own streams.

use std::io::{IsTerminal as _, Read, Write};

/// Streams, and whether a person sits at them.
pub struct Io {
    stdin: Option<Box<dyn Read + Send>>,
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// Standard input and error are a terminal: questions may be asked.
    pub asks: bool,
    /// Standard output is a terminal.
    pub terminal: bool,
    /// Nothing is said but data and errors.
    pub quiet: bool,
    closed: bool,
    failure: Option<std::io::Error>,
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Io {
    /// The process's own streams.
    pub fn process() -> Self {
        Self {
            stdin: Some(Box::new(std::io::stdin())),
            stdout: Box::new(std::io::BufWriter::with_capacity(64 << 10, std::io::stdout())),
            stderr: Box::new(std::io::stderr()),
            asks: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            terminal: std::io::stdout().is_terminal(),
            quiet: false,
            closed: false,
            failure: None,
        }
    }

    /// Streams of a test: no terminal anywhere.
    pub fn of(
        stdin: impl Read + Send + 'static,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Self {
        Self {
            stdin: Some(Box::new(stdin)),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            asks: false,
            terminal: false,
            quiet: false,
            closed: false,
            failure: None,
        }
    }

    /// Data. A reader that went away, such as `head`, is no failure; a full disk is.
    pub fn out(&mut self, text: &str) {
        let done = self.stdout.write_all(text.as_bytes());
        self.note(done);
    }

    /// Everything that is not data.
    pub fn err(&mut self, text: &str) {
        // There is nobody left to tell.
        let _ = self
            .stderr
            .write_all(text.as_bytes())
            .and_then(|()| self.stderr.flush());
    }

    /// A sentence for a person, on standard error; ends the line.
    pub fn say(&mut self, text: &str) {
        if !self.quiet {
            self.err(&format!("{text}\n"));
        }
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) {
        let done = self.stdout.flush();
        self.note(done);
    }

    fn note(&mut self, done: std::io::Result<()>) {
        let Err(error) = done else { return };
        self.closed = true;
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            self.failure.get_or_insert(error);
        }
    }

    /// Nobody reads standard output any more, or it cannot be written.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Why standard output could not be written; none when its reader just went away.
    pub fn failure(&self) -> Option<&std::io::Error> {
        self.failure.as_ref()
    }

    /// At most `most` bytes of standard input, and one more if there are more; nothing the second time.
    /// Waits on a thread of its own, so that Ctrl-C is heard meanwhile.
    pub async fn read_stdin(&mut self, most: usize) -> std::io::Result<Vec<u8>> {
        let Some(stdin) = self.stdin.take() else {
            return Ok(Vec::new());
        };
        let read = move || {
            let mut text = Vec::new();
            stdin.take(most as u64 + 1).read_to_end(&mut text).map(|_| text)
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }

    /// All of standard input in a file without a name, so that it can be read more than once; empty the second time.
    pub async fn spool_stdin(&mut self) -> std::io::Result<std::fs::File> {
        let stdin = self.stdin.take();
        let spool = move || {
            let mut file = tempfile::tempfile()?;
            if let Some(mut stdin) = stdin {
                std::io::copy(&mut stdin, &mut file)?;
            }
            std::io::Seek::rewind(&mut file)?;
            Ok(file)
        };
        tokio::task::spawn_blocking(spool)
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(std::io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is_one() {
        for (kind, fails) in [
            (std::io::ErrorKind::BrokenPipe, false),
            (std::io::ErrorKind::StorageFull, true),
        ] {
            let mut io = Io::of(std::io::empty(), Broken(kind), std::io::sink());
            io.out("x");
            assert!(io.is_closed());
            assert_eq!(io.failure().is_some(), fails, "{kind:?}");
        }
    }
}
