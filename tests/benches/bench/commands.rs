//! A command's time to its first row, to its end, and the most memory that it took.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fleet_tests::process;

/// What was measured.
pub struct Measured {
    /// From the start to the first line that is no heading.
    pub first: Duration,
    /// From the start to the end.
    pub total: Duration,
    /// Lines of standard output, the heading not counted.
    pub lines: usize,
    /// Most resident bytes, as far as they were seen: asked every two milliseconds.
    pub peak: u64,
}

/// Runs a command, which must succeed.
pub fn measure(command: &mut Command) -> Measured {
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let (pid, done) = (child.id(), Arc::new(AtomicBool::new(false)));
    let ended = Arc::clone(&done);
    let watcher = thread::spawn(move || {
        let mut peak = 0;
        while !ended.load(Ordering::Relaxed) {
            // It may have ended meanwhile, and has no memory then.
            peak = process::resident(pid, "VmHWM").unwrap_or(peak).max(peak);
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let mut stdout = BufReader::with_capacity(1 << 16, child.stdout.take().unwrap());
    let (mut lines, mut first, mut line) = (0, None, Vec::new());
    while stdout.read_until(b'\n', &mut line).unwrap() > 0 {
        if !line.starts_with(b"NAME") && !line.starts_with(b"ORG") {
            first.get_or_insert_with(|| begin.elapsed());
            lines += 1;
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    let total = begin.elapsed();
    done.store(true, Ordering::Relaxed);
    assert!(status.success(), "{command:?}: {status}");
    Measured {
        first: first.unwrap_or(total),
        total,
        lines,
        peak: watcher.join().unwrap(),
    }
}
