//! Columns of text.

use std::fmt;

use super::plain;

/// Rows under headings, as wide as they need to be. Without rows it says so.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    empty: &'static str,
}

impl Table {
    /// A table without rows; `empty` is what to print if it stays so.
    pub(crate) fn new<const N: usize>(headings: [&str; N], empty: &'static str) -> Self {
        Self {
            headings: headings
                .iter()
                .map(|heading| (*heading).to_owned())
                .collect(),
            rows: Vec::new(),
            empty,
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.iter().map(|cell| plain(cell)).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "{}", self.empty);
        }
        let lines = || std::iter::once(&self.headings).chain(&self.rows);
        let mut widths = vec![0; self.headings.len()];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for line in lines() {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                text.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NAME", "VERSION"], "nothing");
        table.row(["a".to_owned(), "1".to_owned()]);
        table.row(["a long name".to_owned(), String::new()]);
        assert_eq!(
            table.to_string(),
            "NAME         VERSION\na            1\na long name\n"
        );
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(
            Table::new(["NAME"], "there are none").to_string(),
            "there are none\n"
        );
    }

    #[test]
    fn what_could_move_the_cursor_is_escaped() {
        let mut table = Table::new(["NAME"], "");
        table.row(["a\x1b[2Jb\nc\u{202e}d".to_owned()]);
        assert_eq!(table.to_string(), "NAME\na\\u{1b}[2Jb\\u{a}c\\u{202e}d\n");
    }
}
