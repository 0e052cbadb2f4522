//! Tables: laid out as a whole while they are small; past that, streamed with the widths of what was seen.

use comfy_table::presets::NOTHING;
use unicode_width::UnicodeWidthStr as _;

use crate::io::Io;

/// Rows after which the widths are fixed.
const HELD: usize = 1_000;
/// Between columns.
const GAP: &str = "  ";

pub(super) struct Table {
    head: Vec<String>,
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(super) fn new(head: Vec<String>) -> Self {
        Self {
            head,
            held: Vec::new(),
            widths: None,
        }
    }

    pub(super) fn push(&mut self, cells: Vec<String>, io: &mut Io) {
        if let Some(widths) = &self.widths {
            io.out(&line(&cells, widths));
            return;
        }
        self.held.push(cells);
        if self.held.len() == HELD {
            self.flush(io);
        }
    }

    /// Prints what is held, and goes on with its widths.
    pub(super) fn flush(&mut self, io: &mut Io) {
        if self.widths.is_some() || self.held.is_empty() {
            return;
        }
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| {
                self.held
                    .iter()
                    .map(|row| row[at].width())
                    .chain([self.head[at].width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        io.out(&line(&self.head, &widths));
        for row in self.held.drain(..) {
            io.out(&line(&row, &widths));
        }
        self.widths = Some(widths);
    }

    pub(super) fn finish(&mut self, io: &mut Io) {
        if self.widths.is_some() {
            return;
        }
        let mut table = comfy_table::Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        table.set_header(&self.head).add_rows(self.held.drain(..));
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP.len() as u16));
        }
        for text in table.lines() {
            io.out(&format!("{}\n", text.trim_end()));
        }
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<_> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
        .collect();
    padded.join(GAP).trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn print(rows: usize, flushed: bool) -> String {
        let seen = Shared::default();
        let mut io = Io::of(std::io::empty(), seen.clone(), std::io::sink());
        let mut table = Table::new(vec!["NAME".into(), "X".into(), "LAST".into()]);
        for n in 0..rows {
            table.push(
                vec![
                    format!("device-{n}"),
                    if n % 2 == 0 { "ü" } else { "温度" }.into(),
                    if n == 0 { String::new() } else { "z".into() },
                ],
                &mut io,
            );
        }
        if flushed {
            table.flush(&mut io);
        }
        table.finish(&mut io);
        String::from_utf8(seen.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn both_writers_look_the_same() {
        assert_eq!(print(12, false), print(12, true));
        assert_eq!(
            print(2, false),
            "NAME      X     LAST\ndevice-0  ü\ndevice-1  温度  z\n"
        );
        assert_eq!(print(2_500, false).lines().count(), 2_501);
    }
}
