//! Tables as rows of text, and how they are made to fit a page.

/// A table: its title, a remark, headings, rows. The first `left` columns are words, the others numbers.
#[derive(Clone, Debug)]
pub struct Rows {
    /// What it shows.
    pub title: &'static str,
    /// How to read it.
    pub remark: String,
    /// Columns set to the left.
    pub left: usize,
    /// Headings.
    pub header: Vec<&'static str>,
    /// Rows, each with a cell per heading.
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    /// Leaves out columns that say nothing in any row.
    pub fn prune(&mut self) {
        for i in (self.left..self.header.len()).rev() {
            if self.rows.iter().all(|row| matches!(row[i].as_str(), "" | "-")) {
                self.drop_column(i);
            }
        }
    }

    fn drop_column(&mut self, i: usize) {
        self.header.remove(i);
        for row in &mut self.rows {
            row.remove(i);
        }
    }

    /// The columns' widths in characters.
    pub fn widths(&self) -> Vec<usize> {
        let cells = |i: usize| self.rows.iter().map(move |row| row[i].chars().count());
        let heads = self.header.iter().map(|h| h.chars().count());
        heads.enumerate().map(|(i, h)| cells(i).chain([h]).max().unwrap_or(0)).collect()
    }

    /// Leaves out numbers from the last column on, all but the first, until the rest fits into `width`.
    pub fn fit_numbers(&mut self, width: usize) {
        while !self.fits(width) && self.header.len() > self.left + 1 {
            self.drop_column(self.header.len() - 1);
        }
    }

    /// Whether its columns, two blanks apart, fit into `width` columns of the page.
    pub fn fits(&self, width: usize) -> bool {
        self.widths().iter().map(|w| w + 2).sum::<usize>() <= width + 2
    }

    /// Leaves out what can be spared until the rest fits into `width`; if that is not enough, nothing.
    pub fn fit(&mut self, width: usize) {
        let whole = self.clone();
        for spared in ["spread (log)", "p99", "min", "p95", "slowest", "longest", "max"] {
            while !self.fits(width) {
                let Some(i) = self.header.iter().rposition(|h| *h == spared) else { break };
                self.drop_column(i);
            }
        }
        if !self.fits(width) {
            *self = whole;
        }
    }
}
