//! Things that are wrong, or in doubt: however many there are, the first are told.

use super::{LISTED, Offence};

/// How many there are, and the first [`LISTED`] of them.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// How many.
    pub count: u64,
    /// The first of them, in the order of connections; then those of many connections.
    pub first: Vec<Offence>,
}

impl Listed {
    /// Adds one of connection `id`, which is made if it is one of the first.
    pub fn add_of(&mut self, id: u64, make: impl FnOnce() -> Offence) {
        self.count += 1;
        // Connections that are let go early come before others.
        let place = self.first.partition_point(|offence| offence.connection.is_some_and(|before| before <= id));
        if place < LISTED {
            self.first.insert(place, make());
            self.first.truncate(LISTED);
        }
    }

    /// Adds one that comes after those before, and is made if it is one of the first.
    pub fn add(&mut self, make: impl FnOnce() -> Offence) {
        self.add_cases(1, make);
    }

    /// Adds one that stands for so many.
    pub fn add_cases(&mut self, cases: u64, make: impl FnOnce() -> Offence) {
        self.count += cases;
        if self.first.len() < LISTED {
            self.first.push(make());
        }
    }

    /// Adds those that come after.
    pub fn append(&mut self, other: Listed) {
        self.count += other.count;
        let room = LISTED.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_them_are_told_in_whatever_order_connections_come() {
        let offence = |connection, message: &str| {
            let (who, message) = (String::new(), message.to_owned());
            Offence { connection, who, packet: None, time: None, message, cases: 1 }
        };
        let mut listed = Listed::default();
        for id in [8, 3, 30, 11, 2] {
            listed.add_of(id, || offence(Some(id), "one"));
        }
        // What follows is not sorted among them.
        listed.add(|| offence(Some(1), "many"));
        let told = |listed: &Listed| listed.first.iter().filter_map(|offence| offence.connection).collect::<Vec<_>>();
        assert_eq!(told(&listed), [2, 3, 8, 11, 30, 1]);
        let mut listed = Listed::default();
        for id in (1..=20).rev() {
            listed.add_of(id, || offence(Some(id), "one"));
        }
        listed.add_of(15, || unreachable!("it is not among the first"));
        assert_eq!((told(&listed), listed.count), ((1..=10).collect(), 21));
    }
}
