//! Where a command reads and writes. Tests give buffers; the process gives its own streams.

use std::io::{IsTerminal as _, Read, Write};

/// Streams, and whether a person sits at them.
pub struct Io {
    stdin: Box<dyn Read + Send>,
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// Standard input and error are a terminal: questions may be asked.
    pub asks: bool,
    /// Standard output is a terminal.
    pub terminal: bool,
    closed: bool,
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Io {
    /// The process's own streams.
    pub fn process() -> Self {
        Self {
            stdin: Box::new(std::io::stdin()),
            stdout: Box::new(std::io::BufWriter::with_capacity(64 << 10, std::io::stdout())),
            stderr: Box::new(std::io::stderr()),
            asks: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            terminal: std::io::stdout().is_terminal(),
            closed: false,
        }
    }

    /// Streams of a test: no terminal anywhere.
    pub fn of(stdin: impl Read + Send + 'static, stdout: impl Write + Send + 'static, stderr: impl Write + Send + 'static) -> Self {
        Self { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr: Box::new(stderr), asks: false, terminal: false, closed: false }
    }

    /// Data. A reader that went away, such as `head`, is no failure.
    pub fn out(&mut self, text: &str) {
        self.closed |= self.stdout.write_all(text.as_bytes()).is_err();
    }

    /// Everything that is not data.
    pub fn err(&mut self, text: &str) {
        // There is nobody left to tell.
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) {
        self.closed |= self.stdout.flush().is_err();
    }

    /// Nobody reads standard output any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// At most `most` bytes of standard input, and one more if there are more.
    pub fn read_stdin(&mut self, most: usize) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.stdin.by_ref().take(most as u64 + 1).read_to_end(&mut text)?;
        Ok(text)
    }
}
